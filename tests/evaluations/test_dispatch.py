"""What the dispatch evaluation makes of its measurements, and where it refuses to begin."""

from __future__ import annotations

from typing import Any

import pytest

from evaluations.dispatch.measuring import distribution, percentiles, targets
from tests.evaluations import program


def test_percentiles_of_known_values() -> None:
    assert percentiles(range(101)) == (50, 95)
    assert percentiles([7.0]) == (7.0, 7.0)


def test_a_distribution_is_in_milliseconds() -> None:
    found = distribution([0.001, 0.002, 0.003])
    assert found["p50"] == pytest.approx(2.0)
    assert found["max"] == pytest.approx(3.0)
    assert found["samples"] == 3


def figures(engine_rate: float) -> dict[str, Any]:
    rates = {
        "engine": engine_rate,
        "manager": 1000.0,
        "taskvine_direct": 500.0,
        "taskvine_direct_queued": 800.0,
        "taskvine_fork": 9000.0,
    }
    return {
        "round_trip_milliseconds": {"engine": {"p50": 4.0}},
        "idle_pool_start_milliseconds": {"engine": {"p95": 19.0}, "manager": {"p95": 21.0}},
        "batches_per_second": {"8_workers": {way: {"median": rate} for way, rate in rates.items()}},
        "idle_cpu": {"1_worker": {"together_percent": 0.5}},
        "kill_to_requeue_milliseconds": {"from_outside": {"max": 20.0}},
    }


def test_what_is_expected() -> None:
    missed = {target.what for target in targets(figures(engine_rate=700.0)) if not target.met}
    assert missed == {
        "start on an idle pool, manager, p95 [ms]",
        # Held against the faster way to call TaskVine in direct mode, which has 800.
        "batches per second, 8_workers, engine, against TaskVine's direct mode",
    }


def test_without_taskvine_it_says_where_to_run_it() -> None:
    program.assert_refuses_without_taskvine("dispatch")
