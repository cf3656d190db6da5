"""Everyone who wants a file gets it, the manager sends as little as can be, sources are spared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pcm.engines.staging import STRIKES, distribution, planning
from pcm.engines.staging.distribution import Distribution
from pcm.engines.staging.moves import Call, Fetch, Forget, GiveUp, Move, Piece, Publish

PIECE = 10
SIZES = {"a": 35, "b": 10, "c": 0}
"""Files by digest."""


class Pool:
    """Workers that do what they are told, unless a test has them fail."""

    def __init__(self, per_source: int = 3) -> None:
        self.distribution = Distribution(per_source)
        self.per_source = per_source
        self.now = 0.0
        self.parts: dict[str, dict[str, int]] = {}
        """Bytes that each worker has of each file."""
        self.open: dict[int, Call] = {}
        self.late: set[tuple[str, str]] = set()
        """Worker and file of calls that were not waited for: two may be under way there."""
        self.sent: Counter[str] = Counter()
        """Bytes that the manager sent, by file."""
        self.given_up: list[GiveUp] = []
        self.moves: list[Move] = []

    def join(self, worker: str, files: Mapping[str, int] = SIZES, **have: int) -> None:
        self.parts[worker] = {digest: have.get(digest, 0) for digest in files}
        self.distribution.needed(worker, "context", files)
        for digest, size in files.items():
            if have.get(digest, 0) == size and size:
                self.report(worker, digest, "whole")
            else:
                self.report(worker, digest, "wanted")

    def report(self, worker: str, digest: str, status: Any) -> None:
        have = self.parts[worker][digest]
        self.take(self.distribution.reported(worker, digest, status, have, self.now))

    def take(self, moves: list[Move]) -> None:
        self.moves += moves
        for move in moves:
            match move:
                case GiveUp():
                    self.given_up.append(move)
                    self.drop(move.worker)
                case Forget():
                    pass
                case _:
                    self.begin(move)

    def begin(self, call: Call) -> None:
        assert call.worker in self.parts
        for other in self.open.values():
            if (other.worker, other.digest) == (call.worker, call.digest):
                assert (call.worker, call.digest) in self.late, f"{call} though {other}"
        if isinstance(call, Piece):
            have = self.parts[call.worker][call.digest]
            self.sent[call.digest] += min(PIECE, SIZES[call.digest] - have)
        self.open[call.number] = call
        self.check()

    def check(self) -> None:
        flights = self.distribution._flights
        for worker in self.parts:
            assert self.distribution._sources._loads[worker] <= self.per_source
            assert flights.at(worker) <= planning.CALLS_PER_WORKER

    # -- what can happen to a call ---------------------------------------------------------------

    def finish(self, number: int) -> None:
        call = self.open.pop(number)
        part = self.parts[call.worker]
        size = SIZES[call.digest]
        if isinstance(call, Publish):
            self.report(call.worker, call.digest, "published")
            return
        if isinstance(call, Fetch):
            part[call.digest] = size
        elif call.offset == part[call.digest]:
            part[call.digest] = min(size, part[call.digest] + PIECE)
        self.report(call.worker, call.digest, "whole" if part[call.digest] == size else "wanted")

    def fail(self, number: int) -> None:
        self.open.pop(number)
        self.take(self.distribution.failed(number, self.now))

    def damage(self, number: int) -> None:
        call = self.open.pop(number)
        part = self.parts[call.worker]
        if not isinstance(call, Publish):
            if part[call.digest] == SIZES[call.digest] > 0:
                self.report(call.worker, call.digest, "whole")  # by another call, meanwhile
                return
            part[call.digest] = 0
        self.report(call.worker, call.digest, "damaged")

    def pass_time(self) -> None:
        due = self.distribution.next_deadline()
        if due < float("inf"):
            self.now = due
            self.late |= {
                (flight.call.worker, flight.call.digest)
                for flight in self.distribution._flights.due(self.now)
            }
            self.take(self.distribution.expired(self.now))

    def leave(self, worker: str) -> None:
        del self.parts[worker]
        for number in [n for n, call in self.open.items() if call.worker == worker]:
            del self.open[number]
        self.take(self.distribution.left(worker, self.now))

    def drop(self, worker: str) -> None:
        self.take(self.distribution.released(worker, "context", self.now))

    def settle(self) -> None:
        """All that is under way succeeds, oldest first."""
        for _ in range(10_000):
            if not self.open:
                return
            self.finish(next(iter(self.open)))
        raise AssertionError("it never ends")

    def is_served(self) -> bool:
        lost = {move.worker for move in self.given_up}
        return all(
            part == {digest: SIZES[digest] for digest in part}
            for worker, part in self.parts.items()
            if worker not in lost
        )


def calls(pool: Pool, kind: type[Call]) -> list[Any]:
    return [move for move in pool.moves if isinstance(move, kind)]


def test_one_copy_from_the_manager_and_the_rest_from_each_other() -> None:
    pool = Pool()
    for number in range(8):
        pool.join(f"w{number}")
    pool.settle()
    assert pool.is_served()
    assert pool.sent == Counter(SIZES)
    assert len(calls(pool, Fetch)) == 7 * len(SIZES)


def test_a_worker_that_has_it_publishes_and_the_manager_sends_nothing() -> None:
    pool = Pool()
    pool.join("has", {"a": 35}, a=35)
    pool.join("wants", {"a": 35})
    pool.settle()
    assert pool.is_served()
    assert not pool.sent
    assert [type(move) for move in pool.moves] == [Publish, Fetch]


def test_the_one_that_has_most_of_it_is_sent_the_rest() -> None:
    pool = Pool()
    pool.join("first", {"b": 10})
    pool.distribution.needed("little", "context", {"a": 35})
    pool.parts["little"] = {"a": 0}
    pool.fail(next(iter(pool.open)))
    pool.join("much", {"a": 35}, a=30)
    pool.report("little", "a", "wanted")
    pool.settle()
    assert pool.is_served()
    assert pool.sent["a"] == 5


def test_a_source_that_dies_is_replaced_by_one_that_has_it() -> None:
    pool = Pool(per_source=1)
    for worker in ("one", "two", "three"):
        pool.join(worker, {"b": 10})
    while not calls(pool, Fetch):
        pool.finish(next(iter(pool.open)))
    pool.finish(next(iter(pool.open)))  # "two" has fetched it, too
    pool.leave("one")
    assert Forget("b") not in pool.moves
    pool.settle()
    assert pool.is_served()
    assert pool.sent["b"] == 10


def test_when_the_last_source_dies_what_it_published_is_forgotten_and_it_begins_again() -> None:
    pool = Pool()
    for worker in ("one", "two", "three"):
        pool.join(worker, {"b": 10})
    while not calls(pool, Fetch):
        pool.finish(next(iter(pool.open)))
    fetches = list(pool.open)
    pool.leave("one")
    assert pool.moves[-1] == Forget("b")
    for number in fetches:
        pool.fail(number)
    pool.settle()
    assert pool.is_served()
    assert pool.sent["b"] == 20


def test_those_that_reach_nobody_are_sent_pieces_and_no_source_fails_too_often() -> None:
    pool = Pool()
    for number in range(6):
        pool.join(f"w{number}", {"b": 10})
    failures: Counter[str] = Counter()
    while pool.open:
        number, call = next(iter(pool.open.items()))
        if isinstance(call, Fetch):
            flight = pool.distribution._flights.get(number)
            assert flight is not None
            failures[flight.source] += 1
            pool.fail(number)
        else:
            pool.finish(number)
    assert pool.is_served()
    assert pool.sent["b"] == 60
    assert max(failures.values()) <= STRIKES


def test_a_file_that_comes_damaged_again_and_again_is_given_up_at_that_worker() -> None:
    pool = Pool()
    pool.join("one", {"a": 35})
    for _ in range(distribution.TRIES):
        pool.damage(next(iter(pool.open)))
    assert [(move.worker, move.digest) for move in pool.given_up] == [("one", "a")]
    assert not pool.open


def test_a_damaged_fetch_has_sources_publish_anew() -> None:
    pool = Pool()
    for worker in ("one", "two"):
        pool.join(worker, {"b": 10})
    while not calls(pool, Fetch):
        pool.finish(next(iter(pool.open)))
    pool.damage(next(iter(pool.open)))
    assert Forget("b") in pool.moves
    pool.settle()
    assert pool.is_served()
    assert pool.sent["b"] == 10
    assert len(calls(pool, Publish)) == 2


def test_a_worker_that_does_not_answer_holds_nobody_up() -> None:
    pool = Pool()
    pool.join("stopped", {"b": 10})
    pool.join("other", {"b": 10})
    (stuck,) = pool.open
    pool.pass_time()
    others = [number for number in pool.open if number != stuck]
    assert [pool.open[number].worker for number in others] == ["other"]
    pool.finish(others[0])
    assert all(call.worker != "stopped" or n == stuck for n, call in pool.open.items())
    pool.settle()
    assert pool.is_served()


def test_a_fetch_that_takes_too_long_is_replaced_by_pieces() -> None:
    pool = Pool()
    for worker in ("one", "two"):
        pool.join(worker, {"b": 10})
    while not calls(pool, Fetch):
        pool.finish(next(iter(pool.open)))
    (fetch,) = pool.open
    pool.pass_time()
    assert any(isinstance(call, Piece) for call in pool.open.values())
    pool.settle()
    assert pool.is_served()
    pool.take(pool.distribution.failed(fetch, pool.now))
    assert not pool.open


def test_when_nobody_needs_it_any_more_it_is_forgotten() -> None:
    pool = Pool()
    for worker in ("one", "two"):
        pool.join(worker, {"b": 10})
    pool.settle()
    pool.drop("one")
    assert Forget("b") not in pool.moves
    pool.drop("two")
    assert pool.moves[-1] == Forget("b")
    assert not pool.distribution._files


def test_what_a_worker_says_of_files_that_are_not_its_business_is_ignored() -> None:
    pool = Pool()
    pool.join("one", {"b": 10})
    before = list(pool.open)
    assert pool.distribution.reported("one", "unknown", "wanted", 0, 0.0) == []
    assert pool.distribution.reported("stranger", "b", "whole", 10, 0.0) == []
    assert pool.distribution.reported("one", "b", "published", -5, 0.0) == []
    assert list(pool.open) == before


HAPPENINGS = ("join", "finish", "finish", "finish", "fail", "damage", "leave", "time")


@settings(max_examples=300)
@given(st.data(), st.integers(0, 4))
def test_whatever_dies_and_fails_the_others_get_all_files(data: st.DataObject, cap: int) -> None:
    pool = Pool(cap)
    born = 0
    trouble: Counter[tuple[str, str]] = Counter()
    for _ in range(data.draw(st.integers(1, 60), "steps")):
        happening = data.draw(st.sampled_from(HAPPENINGS))
        if happening == "join" and born < 12:
            born += 1
            parts = {d: data.draw(st.integers(0, size)) for d, size in SIZES.items()}
            pool.join(f"w{born}", SIZES, **parts)
        elif happening == "leave" and pool.parts:
            pool.leave(data.draw(st.sampled_from(sorted(pool.parts))))
        elif happening == "time":
            pool.pass_time()
        elif pool.open:
            number = data.draw(st.sampled_from(sorted(pool.open)))
            call = pool.open[number]
            key = call.worker, call.digest
            if happening in ("fail", "damage") and trouble[key] < distribution.TRIES - 1:
                trouble[key] += not isinstance(call, Publish)
                (pool.fail if happening == "fail" else pool.damage)(number)
            elif happening == "finish":
                pool.finish(number)
    pool.settle()
    assert pool.is_served()
    assert not pool.given_up
    assert pool.distribution.next_deadline() == float("inf")
    for worker in list(pool.parts):
        pool.leave(worker)
    assert not pool.distribution._files
    assert not pool.distribution._flights._flights


@settings(max_examples=100)
@given(st.data(), st.integers(1, 4), st.integers(1, 20))
def test_if_all_goes_well_the_manager_sends_one_copy(
    data: st.DataObject, cap: int, workers: int
) -> None:
    """In whatever order workers come and calls end."""
    pool = Pool(cap)
    waiting = [f"w{number}" for number in range(workers)]
    while waiting or pool.open:
        if waiting and (not pool.open or data.draw(st.booleans())):
            pool.join(waiting.pop())
        else:
            pool.finish(data.draw(st.sampled_from(sorted(pool.open))))
    assert pool.is_served()
    assert pool.sent == Counter(SIZES)
