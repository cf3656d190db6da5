"""Whatever happens, no item is lost, computed into two rows, or stranded."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from pcm.core.commands import Provision
from pcm.core.events import (
    BatchDone,
    BatchLost,
    Capacity,
    ItemsDone,
    ReplicaFailed,
    RunPaused,
    RunUnpaused,
    SkewChanged,
    WorkerDrained,
)
from tests.core.cluster import Cluster

GB = 10**9
SPEEDS = (0.05, 0.1, 0.2, 1.0)
CONTEXTS = ("model", "other", "third")

seconds = st.floats(0.01, 30.0)
pick = st.integers(0, 10**6)


def chosen(values: Any, index: int) -> Any:
    values = sorted(values)
    return values[index % len(values)]


class Chaos(RuleBasedStateMachine):
    """A cluster on which everything goes wrong that can; then it stops, and all must end well."""

    @initialize(
        workers=st.integers(1, 4),
        gpu=st.booleans(),
        stream=st.booleans(),
        latency=st.sampled_from((0.0, 0.001, 0.5)),
        park=st.booleans(),
    )
    def begin(self, workers: int, gpu: bool, stream: bool, latency: float, park: bool) -> None:
        one = Capacity(gpus=1, gpu_memory_bytes=8 * GB, memory_bytes=20 * GB)
        capacity = one if gpu else Capacity()
        self.cluster = Cluster(
            stream=stream,
            latency_seconds=latency,
            seconds=lambda index: SPEEDS[index % len(SPEEDS)],
            capacity=lambda index, pool: capacity,
        )
        self.cluster.replicas.park = park
        self.cluster.size(workers)
        self.cancelled: set[str] = set()
        self.unclosed: set[str] = set()

    @rule(
        costs=st.lists(st.floats(0.1, 20.0), max_size=40),
        context=st.sampled_from(CONTEXTS),
        retries=st.integers(0, 2),
        batch_items=st.none() | st.integers(1, 9),
        close=st.booleans(),
        done=st.none() | pick,
        failing=st.sets(st.integers(0, 39), max_size=3),
    )
    def open_run(
        self,
        costs: list[float],
        context: str,
        retries: int,
        batch_items: int | None,
        close: bool,
        done: int | None,
        failing: set[int],
    ) -> None:
        run = f"run-{len(self.cluster.runs)}"
        finished = None
        if done is not None:
            finished = np.random.default_rng(done).random(len(costs)) < 0.5
        self.cluster.failing[run] = failing
        self.cluster.open(
            run,
            costs,
            context=context,
            finished=finished,
            close=close,
            retries=retries,
            batch_items=batch_items,
            failure_limit=None,
        )
        if not close:
            self.unclosed.add(run)

    @precondition(lambda self: self.unclosed)
    @rule(index=pick, costs=st.lists(st.floats(0.1, 5.0), max_size=10), close=st.booleans())
    def add_items(self, index: int, costs: list[float], close: bool) -> None:
        run = chosen(self.unclosed, index)
        self.cluster.add(run, costs)
        if close:
            self.unclosed.discard(run)
            self.cluster.close(run)

    @rule(index=pick, item=st.integers(0, 39))
    def poison_item(self, index: int, item: int) -> None:
        if self.cluster.runs:
            self.cluster.poison[chosen(self.cluster.runs, index)].add(item)

    @rule(index=pick, item=st.integers(0, 39))
    def hang_item(self, index: int, item: int) -> None:
        if self.cluster.runs:
            self.cluster.hanging[chosen(self.cluster.runs, index)].add(item)

    @rule(passed=seconds)
    def let_time_pass(self, passed: float) -> None:
        self.cluster.advance(passed)

    @rule(index=pick)
    def kill_worker(self, index: int) -> None:
        if self.cluster.machines:
            self.cluster.kill(chosen(self.cluster.machines, index))

    @rule(index=pick, grace=st.floats(0.0, 5.0))
    def evict_worker(self, index: int, grace: float) -> None:
        if self.cluster.machines:
            self.cluster.notice(chosen(self.cluster.machines, index), grace)

    @rule(index=pick, context=st.sampled_from(CONTEXTS))
    def kill_replica(self, index: int, context: str) -> None:
        if self.cluster.machines:
            self.cluster.kill_replica(chosen(self.cluster.machines, index), context)

    @rule(index=pick)
    def break_loader(self, index: int) -> None:
        if self.cluster.machines:
            self.cluster.replicas.fail_on.add(chosen(self.cluster.machines, index))

    @rule(index=pick)
    def break_parking(self, index: int) -> None:
        if self.cluster.machines:
            self.cluster.replicas.stuck.add(chosen(self.cluster.machines, index))

    @rule(index=pick)
    def cancel_run(self, index: int) -> None:
        if self.cluster.runs:
            run = chosen(self.cluster.runs, index)
            self.cancelled.add(run)
            self.unclosed.discard(run)
            self.cluster.cancel(run)

    @rule(index=pick, pause=st.booleans())
    def pause_run(self, index: int, pause: bool) -> None:
        if self.cluster.runs:
            run = chosen(self.cluster.runs, index)
            self.cluster.tell(RunPaused(run) if pause else RunUnpaused(run))

    @rule(index=pick)
    def try_failed_items_again(self, index: int) -> None:
        if self.cluster.runs:
            run = chosen(self.cluster.runs, index)
            if run not in self.cancelled:
                self.cluster.reopen(run)

    @rule(index=pick)
    def drain_worker(self, index: int) -> None:
        if self.cluster.machines:
            self.cluster.tell(WorkerDrained(chosen(self.cluster.machines, index)))

    @rule(workers=st.integers(0, 5))
    def resize(self, workers: int) -> None:
        self.cluster.size(workers)

    @rule(index=pick, factor=st.floats(1.0, 5.0))
    def slow_down(self, index: int, factor: float) -> None:
        if self.cluster.machines:
            self.cluster.tell(SkewChanged(chosen(self.cluster.machines, index), factor))

    @rule(batch=pick)
    def repeat_old_news(self, batch: int) -> None:
        """A message about a batch that is over arrives late."""
        made = self.cluster.scheduler._state.batches_made
        if made and self.cluster.scheduler.lease(batch % made + 1) is None:
            old = batch % made + 1
            self.cluster.tell(
                ItemsDone(old, (0,)), BatchDone(old, 1.0), BatchLost(old, "replica_died")
            )
            self.cluster.tell(ReplicaFailed("nobody", "model", "died", "?"))

    def teardown(self) -> None:
        """The chaos stops: workers that stay, loaders that work, items that are computed."""
        if not hasattr(self, "cluster"):
            return
        cluster = self.cluster
        cluster.replicas.fail_on.clear()
        cluster.size(2)
        for run in self.unclosed:
            cluster.close(run)
        for run in cluster.runs:
            cluster.tell(RunUnpaused(run))
        cluster.settle()
        for run in cluster.runs:
            outcome = cluster.ended[run]
            if run in self.cancelled:
                assert outcome.outcome in ("cancelled", "completed", "failed")
            elif outcome.outcome == "completed":
                cluster.check_books(run)
            else:
                assert outcome.outcome == "failed"
                assert outcome.error
            assert all(times == 1 for times in cluster.finished[run].values()), "a double row"
        asked = sum(command.workers for _, command in cluster.orders(Provision))
        assert asked < 1000


Chaos.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=30,
    suppress_health_check=list(HealthCheck),
)
TestChaos = Chaos.TestCase


@settings(max_examples=40)
@given(
    poison=st.integers(0, 59),
    workers=st.integers(1, 5),
    stream=st.booleans(),
    batch_items=st.none() | st.integers(1, 60),
    evictions=st.lists(st.tuples(st.floats(0.1, 4.0), pick, st.floats(0.0, 2.0)), max_size=12),
)
@example(poison=0, workers=1, stream=False, batch_items=None, evictions=[(1.0, 0, 0.0)] * 6)
@example(poison=42, workers=2, stream=True, batch_items=8, evictions=[])
def test_one_poison_item_among_honest_evictions_is_the_only_one_given_up(
    poison: int,
    workers: int,
    stream: bool,
    batch_items: int | None,
    evictions: list[tuple[float, int, float]],
) -> None:
    cluster = Cluster(stream=stream, seconds=lambda index: SPEEDS[index % 3])
    cluster.poison["run"] = {poison}
    cluster.size(workers)
    cluster.open("run", 60, batch_items=batch_items)
    for passed, index, grace in evictions:
        cluster.advance(passed)
        if cluster.machines:
            cluster.notice(chosen(cluster.machines, index), grace)
    cluster.settle()
    assert cluster.ended["run"].outcome == "completed"
    cluster.check_books("run")
    assert set(cluster.given_up["run"]) == {poison}
    assert cluster.given_up["run"][poison].kind == "quarantined"
    assert cluster.deaths["run", poison] <= 4
    # A death is not held against items of which a copy is under way elsewhere.
    charged = cluster.deaths["run", poison] - cluster.copied_deaths["run", poison]
    assert len(cluster.given_up["run"][poison].history) == charged


@settings(max_examples=25)
@given(
    poison=st.sets(st.integers(0, 49), max_size=6), workers=st.integers(2, 5), stream=st.booleans()
)
def test_several_poison_items_are_given_up_and_no_other(
    poison: set[int], workers: int, stream: bool
) -> None:
    cluster = Cluster(stream=stream)
    cluster.poison["run"] = poison
    cluster.size(workers)
    cluster.open("run", 50)
    cluster.settle()
    if cluster.ended["run"].outcome == "completed":
        assert set(cluster.given_up["run"]) == poison
        cluster.check_books("run")
    else:  # nothing had ever worked when every worker had seen three deaths
        assert "died 3 times" in cluster.ended["run"].error
    assert all(deaths <= 4 for deaths in cluster.deaths.values())
