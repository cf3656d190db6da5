from __future__ import annotations

from collections.abc import Iterator

import pytest

from workers.host.loop import Loop
from workers.host.outlet import MAX_HELD_BYTES, Outlet
from workers.protocol import BatchEnd, ItemResult, ItemResults, Report

Sent = list[list[Report]]


def result(position: int, value: bytes = b"\1") -> ItemResult:
    return ItemResult(position, 0.0, value)


@pytest.fixture
def made() -> Iterator[tuple[Loop, Outlet, Sent]]:
    loop, sent = Loop(), Sent()
    outlet = Outlet(loop, sent.append)
    loop.after_turn = outlet.flush
    yield loop, outlet, sent
    loop.close()


def test_what_a_turn_brings_is_sent_together(made: tuple[Loop, Outlet, Sent]) -> None:
    loop, outlet, sent = made
    outlet.report(BatchEnd(1, "done"))
    outlet.report(BatchEnd(2, "done"))
    loop.turn(0.0)
    loop.turn(0.0)
    assert sent == [[BatchEnd(1, "done"), BatchEnd(2, "done")]]


def test_results_leave_at_once_then_at_intervals(made: tuple[Loop, Outlet, Sent]) -> None:
    loop, outlet, sent = made
    outlet.results(1, [result(0)])
    loop.turn(0.0)
    assert sent == [[ItemResults(1, [result(0)])]]
    outlet.results(1, [result(1)])
    outlet.results(2, [result(0)])
    outlet.results(1, [result(2)])
    while len(sent) < 2:
        loop.turn(None)
    assert sent[1] == [ItemResults(1, [result(1), result(2)]), ItemResults(2, [result(0)])]


def test_results_stay_ahead_of_their_batchs_end(made: tuple[Loop, Outlet, Sent]) -> None:
    loop, outlet, sent = made
    outlet.results(1, [result(0)])
    loop.turn(0.0)
    outlet.results(1, [result(1)])
    outlet.report(BatchEnd(1, "done"))
    loop.turn(0.0)
    assert sent[1] == [ItemResults(1, [result(1)]), BatchEnd(1, "done")]


def test_large_results_do_not_wait(made: tuple[Loop, Outlet, Sent]) -> None:
    loop, outlet, sent = made
    outlet.results(1, [result(0)])
    loop.turn(0.0)
    outlet.results(1, [result(1, b"x" * (MAX_HELD_BYTES + 1))])
    loop.turn(0.0)
    assert len(sent) == 2
