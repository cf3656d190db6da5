"""Who comes first, and that it is decided at little cost."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest

from pcm.engines.staging import Call, Distribution, Fetch, Forget, GiveUp, Move, Piece, Publish
from pcm.engines.staging.planning import Planning

SIZE = 100


class Pool:
    """Workers that are brought files whole, in the order of the calls."""

    def __init__(self, per_source: int, *, manager_streams: int = 4) -> None:
        self.distribution = Distribution(per_source, manager_streams=manager_streams)
        self.open: deque[Call] = deque()
        self.arrived: list[tuple[str, str]] = []

    def ask(self, worker: str, *digests: str) -> None:
        self.distribution.needed(worker, "+".join(digests), dict.fromkeys(digests, SIZE))
        for digest in digests:
            self.report(worker, digest, "wanted")

    def report(self, worker: str, digest: str, status: Any) -> None:
        have = 0 if status == "wanted" else SIZE
        self.take(self.distribution.reported(worker, digest, status, have, 0.0))

    def take(self, moves: list[Move]) -> None:
        for move in moves:
            assert not isinstance(move, Forget | GiveUp)
            self.open.append(move)

    def finish(self) -> None:
        """The oldest."""
        call = self.open.popleft()
        if isinstance(call, Publish):
            self.report(call.worker, call.digest, "published")
            return
        self.arrived.append((call.worker, call.digest))
        self.report(call.worker, call.digest, "whole")

    def settle(self) -> None:
        while self.open:
            self.finish()


def test_a_source_of_two_files_serves_next_the_one_that_is_on_its_way_to_fewer() -> None:
    pool = Pool(per_source=1)
    pool.ask("source", "a", "b")
    pool.settle()
    for number in range(20):
        pool.ask(f"a{number}", "a")
    pool.ask("late", "b")
    pool.settle()
    assert ("late", "b") in pool.arrived[2:6]


def test_without_peers_one_context_s_crowd_does_not_hold_up_another() -> None:
    pool = Pool(per_source=0)
    for number in range(100):
        pool.ask(f"a{number}", "a")
    pool.ask("late", "b")
    pool.settle()
    assert pool.arrived.index(("late", "b")) <= 4


def test_without_peers_workers_are_finished_one_after_the_other() -> None:
    """A context has many files, and a worker can do nothing before it has all."""
    files = [f"shard{number}" for number in range(6)]
    pool = Pool(per_source=0, manager_streams=2)
    for number in range(10):
        pool.ask(f"w{number}", *files)
    pool.settle()
    assert {worker for worker, _ in pool.arrived[:12]} == {"w0", "w1"}


def test_there_are_as_many_first_copies_as_the_manager_has_streams() -> None:
    pool = Pool(per_source=2, manager_streams=3)
    for digest in "abcde":
        for number in range(3):
            pool.ask(f"{digest}{number}", digest)
    assert [type(call) for call in pool.open] == [Piece] * 3
    assert {call.digest for call in pool.open} == set("abc")


def test_nobody_fetches_from_more_workers_than_wait() -> None:
    """Of a hundred that have it, five publish it for ten."""
    pool = Pool(per_source=2)
    for number in range(100):
        pool.distribution.needed(f"has{number}", "context", {"a": SIZE})
        pool.report(f"has{number}", "a", "whole")
    for number in range(10):
        pool.ask(f"w{number}", "a")
    published = []
    while pool.open:
        published += [call for call in pool.open if isinstance(call, Publish)]
        pool.finish()
    assert len(set(published)) == 5


@pytest.mark.parametrize("per_source", [0, 1, 2])
def test_what_an_event_costs_does_not_grow_with_the_workers(
    per_source: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = 0

    def next_call(self: Planning, *given: Any) -> Call | None:
        nonlocal looked
        looked += 1
        return original(self, *given)

    original = Planning._next_call
    monkeypatch.setattr(Planning, "_next_call", next_call)
    pool = Pool(per_source)
    for number in range(1000):
        pool.ask(f"w{number}", "a")
    pool.settle()
    assert len(pool.arrived) == 1000
    assert looked <= 2 * 1000


def test_a_receiver_that_stands_still_does_not_stop_its_source() -> None:
    pool = Pool(per_source=2)
    pool.ask("source", "a")
    for worker in ("stuck", "b", "c", "d"):
        pool.ask(worker, "a")
    while pool.open:
        if pool.open[0].worker == "stuck":
            pool.open.popleft()
        else:
            pool.finish()
    assert [worker for worker, _ in pool.arrived] == ["source", "b", "c", "d"]


def test_a_fetch_is_counted_for_its_source() -> None:
    pool = Pool(per_source=1)
    for worker in ("one", "two"):
        pool.ask(worker, "a")
    while not isinstance(pool.open[0], Fetch):
        pool.finish()
    assert pool.distribution.source_of(pool.open[0].number) == "one"
    assert pool.distribution.source_of(12345) == ""
