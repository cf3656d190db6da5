"""Who tries to make the scheduler load to and fro does not succeed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcm.core.commands import Evict, Load
from pcm.core.events import Capacity, Requirements
from tests.core.cluster import Cluster

NEEDS = Requirements(gpu_memory_bytes=5 * 10**9)
WORKERS = 4
TURN_SECONDS = 60.0
LOAD_SECONDS = 2.0


def crowded() -> Cluster:
    """Four workers, each of which holds one of two contexts."""
    cluster = Cluster(
        validate=False,
        capacity=lambda index, pool: Capacity(gpus=1, gpu_memory_bytes=8 * 10**9, pool=pool),
    )
    cluster.size(WORKERS)
    return cluster


@settings(max_examples=10)
@given(st.lists(st.tuples(st.booleans(), st.floats(0.1, 5.0)), min_size=20, max_size=40))
def test_two_contexts_with_steady_demand_keep_their_workers_however_it_flickers(
    bursts: list[tuple[bool, float]],
) -> None:
    """Each has something to do all the time; now one gets more, now the other."""
    cluster = crowded()
    for name in ("one", "two"):
        cluster.open(name, [10.0] * 500, context=name, requirements=NEEDS, close=False)
    cluster.advance(30.0)
    before = len(cluster.orders(Load))
    for first, gap_seconds in bursts:
        cluster.add("one" if first else "two", [10.0] * 5)
        cluster.advance(gap_seconds)
    assert len(cluster.orders(Load)) == before


@pytest.mark.parametrize("gap_seconds", [0.5, 3.0, 20.0])
def test_demand_that_comes_and_goes_by_turns_moves_no_more_than_it_must(gap_seconds: float) -> None:
    """Worst case: each context is asked for just when the other's last item is done. Both have a
    worker soon, and stay."""
    cluster = crowded()
    for name in ("one", "two"):
        cluster.open(name, 0, context=name, requirements=NEEDS, close=False)
    for turn in range(40):
        cluster.add(("one", "two")[turn % 2], [5.0] * 4)
        cluster.advance(gap_seconds + 2.0 / WORKERS)
    assert len(cluster.orders(Evict)) <= 2 * WORKERS


def test_more_contexts_than_workers_do_not_load_more_often_than_by_turns() -> None:
    cluster = crowded()
    names = [f"run-{n}" for n in range(3 * WORKERS)]
    for name in names:
        cluster.open(name, [50.0] * 60, context=name, requirements=NEEDS)
    cluster.advance(1000.0)
    loads = len(cluster.orders(Load))
    assert len(names) <= loads <= WORKERS * (1 + 1000.0 / TURN_SECONDS)
