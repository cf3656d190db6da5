"""What the simulated cluster makes of commands: times by hand, books that balance, no item lost."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcm.core.scheduler import Scheduler
from pcm.engines.simulated import (
    Model,
    Outcome,
    Scenario,
    Stranded,
    Visit,
    WorkerClass,
    Workload,
    simulate,
)
from tests.engines.simulated.scenarios import scenario, stays

EXACT: dict[str, Any] = {"latency_seconds": 0.0, "batch_seconds": 0.0}


def outcome(of: Scenario) -> Outcome:
    return simulate(of, Scheduler(validate=True))


def test_one_worker_loads_and_computes() -> None:
    found = outcome(scenario(stays("slow"), **EXACT))
    assert found.makespan_seconds == pytest.approx(105.0)
    assert found.bound_seconds == pytest.approx(105.0)
    assert found.useful_seconds == pytest.approx(100.0)
    assert found.loading_seconds == pytest.approx(5.0)
    assert (found.loads, found.items, found.duplicates) == (1, 100, 0)


def test_a_class_is_faster_at_work_and_at_loading() -> None:
    found = outcome(scenario(stays("fast"), **EXACT))
    assert found.makespan_seconds == pytest.approx(52.5)


def test_what_a_batch_costs_besides_is_paid_per_batch() -> None:
    runs = {"run": Workload(costs=np.ones(100), batch_items=10)}
    found = outcome(scenario(stays("slow"), runs=runs, latency_seconds=0.0, batch_seconds=0.5))
    assert found.batches == 10
    assert found.makespan_seconds == pytest.approx(110.0)


def test_who_comes_late_is_waited_for_by_the_bound_as_well() -> None:
    found = outcome(scenario(stays("slow", 40.0), **EXACT))
    assert found.bound_seconds == pytest.approx(145.0)
    assert found.efficiency == pytest.approx(1.0)


def test_a_kill_loses_what_was_not_told() -> None:
    runs = {"run": Workload(costs=np.ones(100), batch_items=100)}
    dies = Visit(kind="slow", start_seconds=0.0, end_seconds=55.0)
    of = scenario(dies, stays("slow", 60.0), runs=runs, salvage_seconds=inf, **EXACT)
    found = outcome(of)
    assert found.lost_seconds == pytest.approx(50.0)
    assert found.makespan_seconds == pytest.approx(165.0)
    assert found.evictions == 1
    streamed = outcome(replace(of, salvage_seconds=0.2))
    assert streamed.lost_seconds == pytest.approx(1.0)
    assert streamed.makespan_seconds == pytest.approx(65.0 + 51.0)


def test_a_notice_saves_what_is_finished() -> None:
    runs = {"run": Workload(costs=np.ones(100), batch_items=100)}
    warned = Visit(kind="slow", start_seconds=0.0, end_seconds=65.0, notice_seconds=9.5)
    found = outcome(scenario(warned, stays("slow", 60.0), runs=runs, salvage_seconds=inf, **EXACT))
    assert found.lost_seconds == pytest.approx(0.5)
    assert found.makespan_seconds == pytest.approx(65.0 + 50.0)


def test_a_straggler_is_slower_from_its_moment_on() -> None:
    late = stays("slow", slow_from_seconds=55.0, slow_factor=4.0)
    found = outcome(scenario(late, **EXACT))
    assert found.makespan_seconds == pytest.approx(55.0 + 200.0)
    assert found.efficiency == pytest.approx(1.0)


def test_contexts_that_do_not_fit_together_take_turns() -> None:
    model = Model(gpu_seconds=5.0, memory_bytes=16 << 30)
    runs = {name: Workload(costs=np.ones(50), context=name) for name in "ab"}
    found = outcome(scenario(stays("slow"), models=dict.fromkeys("ab", model), runs=runs, **EXACT))
    assert found.loads == 2
    assert found.makespan_seconds == pytest.approx(110.0, abs=1.0)


def test_a_context_that_was_offloaded_comes_back_sooner_than_it_was_loaded() -> None:
    """Runs on two models in turn, each of which fills the GPU."""
    runs = {
        f"run-{at}": Workload(costs=np.ones(5), context="ab"[at % 2], opened_seconds=100.0 * at)
        for at in range(6)
    }

    def found(host_gb: int) -> Outcome:
        cls = WorkerClass(kind="slow", host_memory_bytes=host_gb << 30)
        model = Model(gpu_seconds=20.0, memory_bytes=20 << 30, return_seconds=2.0)
        of = scenario(stays("slow"), models=dict.fromkeys("ab", model), runs=runs, **EXACT)
        return outcome(replace(of, classes={"slow": cls}))

    without, beside = found(0), found(128)
    assert (without.offloads, without.waiting_seconds) == (0, pytest.approx(25.0))
    assert beside.offloads == 5
    # Twice a load, of which one has to wait for the other to leave; then leaving and coming back.
    assert beside.waiting_seconds == pytest.approx((25 + 27 + 4 * 9) / 6)
    assert beside.loading_seconds == pytest.approx(20 + 22 + 4 * 4)


def test_what_cannot_be_done_is_said() -> None:
    dies = Visit(kind="slow", start_seconds=0.0, end_seconds=55.0)
    with pytest.raises(Stranded, match="50 items are left"):
        outcome(scenario(dies, salvage_seconds=0.0, **EXACT))


def test_time_without_work_is_told_from_time_without_use() -> None:
    runs = {"run": Workload(costs=np.ones(1))}
    found = outcome(scenario(stays("slow"), stays("slow"), runs=runs, **EXACT))
    # The second worker is never loaded, since nothing would be left for it.
    assert found.no_work_seconds == pytest.approx(1.0)
    assert found.idle_seconds == pytest.approx(5.0)


visit = st.builds(
    lambda start, stay, kind, notice: Visit(
        kind=kind, start_seconds=start, end_seconds=start + stay, notice_seconds=notice
    ),
    st.floats(0.0, 100.0),
    st.floats(0.1, 60.0),
    st.sampled_from(["fast", "slow"]),
    st.sampled_from([0.0, 5.0]),
)


@settings(max_examples=40)
@given(st.lists(visit, max_size=8), st.integers(1, 300), st.integers(0, 3))
def test_all_is_done_whoever_goes_and_never_before_the_bound(
    visits: list[Visit], items: int, seed: int
) -> None:
    costs = np.random.default_rng(seed).lognormal(-1.0, 1.0, items)
    of = scenario(
        *visits,
        stays("slow", 50.0),
        runs={"run": Workload(costs=costs)},
        models={"model": Model(weights_bytes=1e9, gpu_seconds=2.0)},
    )
    found = outcome(of)
    assert found.items == items
    assert found.efficiency <= 1.0 + 1e-9
    useful = costs.sum() / 2.0, costs.sum()
    assert useful[0] <= found.useful_seconds + 1e-6
    assert found.lost_seconds >= -1e-6
    assert outcome(of) == found
