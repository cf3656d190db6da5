"""The glideins evaluation runs to its end, with every figure; its timings mean nothing here."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster.needs import needs_htcondor, needs_taskvine
from tests.evaluations import program

pytestmark = [pytest.mark.cluster, needs_htcondor, needs_taskvine]

WAYS = {"pcm", "fixed", "factory"}


@pytest.fixture(scope="module")
def result() -> dict[str, Any]:
    return program.quick("glideins", timeout_seconds=115)


def test_every_way_gives_exact_results_and_leaves_an_empty_queue(result: dict[str, Any]) -> None:
    ways = result["figures"]["provisioners"]
    assert ways.keys() == WAYS
    assert {way: (one["exact"], one["left_in_queue"]["max"]) for way, one in ways.items()} == (
        dict.fromkeys(WAYS, (True, 0))
    )


def test_every_figure_is_there(result: dict[str, Any]) -> None:
    for one in result["figures"]["provisioners"].values():
        assert one["makespan_seconds"].keys() == {"preempted", "short", "together"}
        assert all(over["min"] >= 1.0 for over in one["makespan_over_bound"].values())
        assert 0.0 < one["busy_gpu_seconds"]["min"] <= one["held_gpu_seconds"]["min"]
        assert one["first_result_seconds_p50"]["min"] > 0.0
        assert one["jobs_submitted"]["min"] >= 1
        assert one["owners_jobs"]["max"] <= 1


def test_owners_came(result: dict[str, Any]) -> None:
    ways = result["figures"]["provisioners"].values()
    assert sum(one["owners_jobs"]["max"] for one in ways) >= 1


def test_every_expectation_has_its_verdict(result: dict[str, Any]) -> None:
    program.assert_complete(result["targets"], 11)
