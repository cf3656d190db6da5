"""Ranks that are played by the test, in every way to fall out of step."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import msgspec
import pytest

from workers.host.agreement import Setback
from workers.host.in_step import InStep
from workers.host.loop import Loop
from workers.protocol import ErrorReport, ItemResult

ERROR = ErrorReport("ValueError", "no")


class Three:
    """Three ranks, and what is made of them."""

    def __init__(self) -> None:
        self.loop = Loop()
        pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(3)]
        self.ours, self.theirs = zip(*pairs, strict=True)
        self.stories: list[str] = []
        self.in_step = InStep(self.loop, self.ours, self.stories.append)

    def raises(self, *ranks: int, first: int = 4, error: ErrorReport = ERROR) -> None:
        """A call has raised there, which left three items."""
        for rank in ranks:
            setback = Setback(first, 3, at_first=True, error=error)
            self.theirs[rank].send(msgspec.msgpack.encode(setback))
            self.loop.turn(1)

    def goes_on(self, rank: int) -> bool:
        try:
            return bool(self.theirs[rank].recv(1, socket.MSG_DONTWAIT))
        except BlockingIOError:
            return False


@pytest.fixture
def three() -> Iterator[Three]:
    three = Three()
    yield three
    for sock in (*three.ours, *three.theirs):
        sock.close()
    three.loop.close()


def test_all_go_on_when_the_last_has_come(three: Three) -> None:
    for _ in range(2):
        three.raises(2, 0)
        assert not any(three.goes_on(rank) for rank in range(3))
        three.raises(1, error=ErrorReport("ValueError", "of another device"))
        assert all(three.goes_on(rank) for rank in range(3))
    assert [three.in_step.end(rank) for rank in range(3)] == [False, False, True]
    assert three.stories == []


def test_another_item_is_another_call(three: Three) -> None:
    three.raises(0)
    three.raises(1, first=5)
    assert three.stories[0].startswith(
        "the ranks are out of step: in rank 0 of 3 the task raised ValueError: no; rank 1 raised"
    )
    assert not three.goes_on(0)


def test_another_kind_of_error_is_another_call(three: Three) -> None:
    three.raises(0)
    three.raises(2, error=ErrorReport("MemoryError", "full"))
    assert "rank 2 raised MemoryError: full" in three.stories[0]


@pytest.mark.parametrize("order", ["raise first", "end first"])
def test_the_batch_ends_where_it_did_not_raise(three: Three, order: str) -> None:
    if order == "raise first":
        three.raises(1)
        assert not three.in_step.end(0)
    else:
        assert not three.in_step.end(0)
        three.raises(1)
    assert three.stories[-1].endswith(
        "in rank 1 of 3 the task raised ValueError: no; rank 0 did not"
    )


def test_the_others_do_not_come(three: Three, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.host.in_step.STEP_SECONDS", 0.0)
    three.in_step.begin()
    three.raises(1)
    while not three.stories:
        three.loop.turn(1)
    assert "rank 0, 2 did not come to the same within 0 s" in three.stories[0]


def test_an_item_that_failed_in_some_only(three: Three) -> None:
    good, bad = ItemResult(0, 0.0, b""), ItemResult(1, 0.0, None, ERROR)
    for rank in range(3):
        three.in_step.results(rank, [good, bad] if rank != 2 else [good])
    assert not any(three.in_step.end(rank) for rank in range(3))
    assert three.stories[0].endswith(
        "in rank 0 of 3 the task raised ValueError: no; rank 2 did not"
    )
    three.in_step.begin()
    for rank in range(3):
        three.in_step.results(rank, [good, bad])
    assert [three.in_step.end(rank) for rank in range(3)] == [False, False, True]


def test_nonsense_on_a_line_is_no_setback(three: Three) -> None:
    three.theirs[0].send(b"nonsense")
    three.loop.turn(1)
    three.theirs[1].close()
    three.loop.turn(1)
    assert three.stories == []
    assert [three.in_step.end(rank) for rank in range(3)] == [False, False, True]
