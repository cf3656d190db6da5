from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from workers.host.link import Link
from workers.host.outbox import MAX_HELD_BYTES, Outbox
from workers.protocol import BatchEnd, ItemResult, ItemResults, Report, decode_reports

Told = tuple[int, list[ItemResult]] | Report


@pytest.fixture
def pair() -> Iterator[tuple[Outbox, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.settimeout(30)
        yield Outbox(ours), theirs


def frames(sock: socket.socket, count: int) -> list[list[Told]]:
    """What came, results as they are told but for when they were made."""
    link, found = Link(sock.dup()), []
    sock.settimeout(30)
    while len(found) < count:
        assert sock.recv(1, socket.MSG_PEEK)
        found += [[_told(report) for report in decode_reports(frame)] for frame in link.receive()]
    link.close()
    return found


def _told(report: Report) -> Told:
    if not isinstance(report, ItemResults):
        return report
    assert 0 < report.made_seconds <= time.monotonic()
    return report.batch, report.results


def result(position: int, value: bytes = b"\1") -> ItemResult:
    return ItemResult(position, 0.0, value)


def test_the_first_result_leaves_at_once(pair: tuple[Outbox, socket.socket]) -> None:
    outbox, other = pair
    outbox.result(1, result(0))
    assert frames(other, 1) == [[(1, [result(0)])]]


def test_results_that_follow_closely_leave_without_another_call(
    pair: tuple[Outbox, socket.socket],
) -> None:
    outbox, other = pair
    for position in range(5):
        outbox.result(1, result(position))
    got: list[int] = []
    for (told,) in frames(other, 2):
        assert isinstance(told, tuple)
        got += [result.position for result in told[1]]
    assert got == list(range(len(got)))


def test_what_is_followed_at_once_waits_for_it(pair: tuple[Outbox, socket.socket]) -> None:
    outbox, other = pair
    outbox.result(1, result(0), more=True)
    outbox.result(1, result(1), more=True)
    outbox.send(BatchEnd(1, "done"))
    assert frames(other, 1) == [[(1, [result(0), result(1)]), BatchEnd(1, "done")]]


def test_large_results_do_not_pile_up(pair: tuple[Outbox, socket.socket]) -> None:
    outbox, other = pair
    half = result(0, b"x" * (MAX_HELD_BYTES // 2 + 1))
    # The socket takes less than this, so it is read by the side.
    import threading

    got: list[list[list[Told]]] = []
    reader = threading.Thread(target=lambda: got.append(frames(other, 1)))
    reader.start()
    outbox.result(1, half, more=True)
    outbox.result(1, half, more=True)
    reader.join()
    assert got == [[[(1, [half, half])]]]


def test_the_time_of_results_is_that_of_the_first_of_them() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        outbox = Outbox(ours)
        outbox.result(1, result(0), more=True)
        between = time.monotonic()
        outbox.result(1, result(1), more=True)
        outbox.send(BatchEnd(1, "done"))
        link = Link(theirs.dup())
        (frame,) = link.receive()
        link.close()
    told = decode_reports(frame)[0]
    assert isinstance(told, ItemResults)
    assert told.made_seconds <= between
