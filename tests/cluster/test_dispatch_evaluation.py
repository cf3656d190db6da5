"""The dispatch evaluation runs to its end, with every figure; its timings mean nothing here."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster.needs import needs_function_calls, needs_taskvine
from tests.evaluations import program

pytestmark = [pytest.mark.cluster, needs_taskvine, needs_function_calls]

WAYS = {"engine", "manager", "taskvine_direct", "taskvine_direct_queued", "taskvine_fork"}
TRIPS = {"engine", "taskvine_direct", "taskvine_fork"}


@pytest.fixture(scope="module")
def result() -> dict[str, Any]:
    return program.quick("dispatch", timeout_seconds=110)


def test_every_figure_is_there(result: dict[str, Any]) -> None:
    figures = result["figures"]
    assert {way: f["samples"] for way, f in figures["round_trip_milliseconds"].items()} == (
        dict.fromkeys(TRIPS, 10)
    )
    rates = figures["batches_per_second"]
    assert rates.keys() == {"1_worker", "2_workers"}
    assert all(ways.keys() == WAYS for ways in rates.values())
    assert all(rate["min"] > 0 for ways in rates.values() for rate in ways.values())
    starts = figures["idle_pool_start_milliseconds"]
    assert {way: f["samples"] for way, f in starts.items()} == {"engine": 4, "manager": 4}
    kills = figures["kill_to_requeue_milliseconds"]
    assert {kind: f["samples"] for kind, f in kills.items()} == {
        "started_by_the_engine": 1,
        "from_outside": 1,
    }
    assert {of: load["warm_workers"] > 0 for of, load in figures["idle_cpu"].items()} == {
        "1_worker": True,
        "3_workers": True,
    }
    assert figures["taskvine"][0].isdigit()


def test_every_expectation_has_its_verdict(result: dict[str, Any]) -> None:
    program.assert_complete(result["targets"], 11)
