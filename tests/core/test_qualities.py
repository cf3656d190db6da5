"""How well a whole run is scheduled, on a scripted cluster in virtual time."""

from __future__ import annotations

import numpy as np
import pytest

from pcm.core.commands import Dispatch, Load
from pcm.core.events import Capacity, Requirements
from tests.core.cluster import Cluster

LOAD_SECONDS = 2.0
START_SECONDS = 0.5


def bound_seconds(cluster: Cluster, run: str) -> float:
    """No schedule on workers that stay from the start can be shorter."""
    speed = sum(1.0 / machine.seconds for machine in cluster.machines.values())
    return START_SECONDS + LOAD_SECONDS + sum(cluster.costs[run]) / speed


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_workers_of_mixed_speed_are_used_to_the_end(stream: bool, spread: float) -> None:
    speeds = (1, 1, 1, 1, 2, 2, 4, 4)
    cluster = Cluster(seconds=lambda index: 0.05 / speeds[index], stream=stream, validate=False)
    cluster.size(8)
    costs = np.random.default_rng(1).lognormal(0.0, spread, 5000)
    cluster.open("run", costs)
    cluster.settle()
    assert bound_seconds(cluster, "run") / cluster.now > 0.93


def test_a_fast_worker_does_more_in_proportion() -> None:
    cluster = Cluster(seconds=lambda index: (0.1, 0.025)[index])
    cluster.size(2)
    cluster.open("run", 2000)
    cluster.settle()
    items = {"local-0": 0, "local-1": 0}
    for _, dispatch in cluster.orders(Dispatch):
        items[dispatch.worker] += dispatch.item_count
    assert items["local-1"] / items["local-0"] == pytest.approx(4.0, rel=0.1)


def test_no_worker_is_idle_while_there_is_work() -> None:
    cluster = Cluster(seconds=lambda index: 0.1)
    cluster.size(4)
    cluster.open("run", 2000)
    cluster.settle()
    busy = sum(machine.busy_seconds for machine in cluster.machines.values())
    possible = 4 * (cluster.now - START_SECONDS - LOAD_SECONDS)
    assert busy / possible > 0.97


def test_a_worker_that_joins_in_the_middle_takes_its_part() -> None:
    cluster = Cluster()
    cluster.size(1)
    cluster.open("run", 1000)
    cluster.advance(20.0)
    cluster.size(4)
    cluster.settle()
    assert cluster.now < 20.0 + 3.5 + 85.0 / 4 + 4.0


def test_a_lost_worker_costs_its_batch_and_little_more() -> None:
    cluster = Cluster()
    cluster.size(4)
    cluster.open("run", 1000)
    cluster.advance(10.0)
    cluster.kill("local-1")
    cluster.settle()
    assert cluster.now < START_SECONDS + LOAD_SECONDS + 25.0 + 4.0
    cluster.check_books("run")


def test_a_short_run_is_left_to_the_warm_worker_when_a_load_takes_longer() -> None:
    cluster = Cluster(load_seconds=lambda index: 60.0)
    cluster.size(1)
    cluster.open("warm-up", 10)
    cluster.settle()
    cluster.size(4)
    cluster.advance(5.0)
    cluster.open("short", 100)
    cluster.settle()
    assert {dispatch.worker for _, dispatch in cluster.orders(Dispatch)} == {"local-0"}
    assert len(cluster.orders(Load)) <= 4


def test_two_runs_at_once_are_served_evenly() -> None:
    cluster = Cluster()
    cluster.size(2)
    cluster.open("one", 1000)
    cluster.open("two", 1000)
    cluster.advance(30.0)
    one, two = (cluster.scheduler.progress(run).finished for run in ("one", "two"))
    assert abs(one - two) < 150


def test_two_contexts_that_do_not_fit_together_share_the_pool_without_thrashing() -> None:
    cluster = Cluster(
        capacity=lambda index, pool: Capacity(gpus=1, gpu_memory_bytes=8 * 10**9, pool=pool)
    )
    cluster.size(4)
    needs = Requirements(gpu_memory_bytes=5 * 10**9)
    cluster.open("one", 1000, context="first", requirements=needs)
    cluster.open("two", 1000, context="second", requirements=needs)
    cluster.settle()
    assert len(cluster.orders(Load)) <= 8
    assert cluster.now < (START_SECONDS + 2 * LOAD_SECONDS + 50.0) * 1.15


def test_a_batch_is_only_ever_sent_to_a_warm_worker() -> None:
    """The cluster refuses other batches, and none was refused."""
    cluster = Cluster()
    cluster.size(3)
    cluster.open("run", 300)
    cluster.settle()
    assert all(dispatch.attempt == 1 for _, dispatch in cluster.orders(Dispatch))
