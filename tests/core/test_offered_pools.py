"""Offered pools in a whole cluster: enough workers, and not more than the work repays."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcm.core.commands import Want
from pcm.core.events import Capacity
from pcm.core.policy import Policy
from tests.core.cluster import Cluster


def cluster(*, wait_seconds: float = 20.0, seconds: float = 1.0, load: float = 10.0) -> Cluster:
    return Cluster(
        Policy(wait_seconds=wait_seconds),
        start_seconds=wait_seconds,
        seconds=lambda index: seconds,
        load_seconds=lambda index: load,
        capacity=lambda index, pool: Capacity(kind=pool, pool=pool),
    )


def complete(there: Cluster, items: int, run: str = "run") -> None:
    assert there.ended[run].outcome == "completed", there.ended[run]
    assert there.finished[run] == Counter(range(items))


def test_a_long_run_gets_all_there_are() -> None:
    there = cluster(seconds=5.0)
    there.offered.offer("a", 20)
    there.open("run", 800)
    there.settle()
    complete(there, 800)
    assert there.started == 20
    assert there.now < 800 * 5.0 / 20 + 100


def test_a_short_run_takes_few_although_many_are_offered() -> None:
    there = cluster(wait_seconds=1.0)
    there.offered.offer("a", 50)
    there.open("run", 40)
    there.advance(11.5)  # The first is about to finish its first item.
    there.start_seconds = 60.0
    there.settle()
    complete(there, 40)


def test_what_is_queued_is_taken_back_at_the_end_and_the_workers_go() -> None:
    there = cluster()
    there.offered.offer("a", 10)
    there.open("run", 200)
    there.settle()
    there.advance(300.0)
    assert not there.machines
    assert not there.offered.queued["a"]
    last = [command for _, command in there.commands if isinstance(command, Want)][-1]
    assert last.workers == 0


@pytest.mark.parametrize(("gap_seconds", "started_again"), [(18.0, 0), (20.0, 4)])
def test_the_next_run_finds_them_warm_unless_it_comes_late(
    gap_seconds: float, started_again: int
) -> None:
    there = cluster()
    there.offered.offer("a", 4)
    there.open("first", 400)
    there.settle()
    started = there.started
    there.advance(gap_seconds)
    there.open("second", 400)
    there.settle()
    complete(there, 400, "second")
    assert there.started == started + started_again


def test_evicted_ones_come_back_without_being_asked_for_twice() -> None:
    there = cluster(seconds=5.0)
    there.offered.offer("a", 5)
    there.open("run", 1_000)
    there.advance(60.0)
    for worker in list(there.machines)[:3]:
        there.offered.evict(worker, grace_seconds=5.0, back_seconds=10.0)
    there.advance(60.0)
    assert len(there.machines) == 5
    there.settle()
    complete(there, 1_000)


@settings(max_examples=40)
@given(
    items=st.integers(1, 400),
    most=st.integers(1, 12),
    wait=st.floats(0.1, 100.0),
    evictions=st.lists(st.tuples(st.floats(1.0, 60.0), st.integers(0, 11)), max_size=12),
)
def test_whatever_is_evicted_the_run_completes_and_never_has_more_than_offered(
    items: int, most: int, wait: float, evictions: list[tuple[float, int]]
) -> None:
    there = cluster(wait_seconds=wait)
    there.offered.offer("a", most)
    there.open("run", items)
    for after, which in evictions:
        there.advance(after)
        workers = sorted(there.machines)
        if "run" in there.ended or not workers:
            continue
        there.offered.evict(workers[which % len(workers)], 1.0, 5.0)
        assert len(there.machines) <= most
    there.settle()
    complete(there, items)
    there.advance(wait + 300.0)
    assert not there.machines
