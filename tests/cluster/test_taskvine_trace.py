"""Forty workers of mixed speed come and go by a script on the real TaskVine: the results are exact,
and the efficiency is told next to the simulator's. Its timings are not judged here."""

from __future__ import annotations

from math import isfinite
from typing import Any

import psutil
import pytest

from evaluations.trace.script import QUICK, most_at_once, visits
from tests.cluster.needs import needs_taskvine
from tests.evaluations import program

MEMORY_BYTES_EACH = 60 << 20
"""Of a worker without a model (see ``test_taskvine_crowd``)."""

pytestmark = [
    pytest.mark.cluster,
    needs_taskvine,
    pytest.mark.skipif(
        psutil.virtual_memory().available < most_at_once(QUICK) * MEMORY_BYTES_EACH,
        reason="forty workers need more free memory",
    ),
]


@pytest.fixture(scope="module")
def result() -> dict[str, Any]:
    return program.quick("trace", timeout_seconds=110)


def test_results_are_exact(result: dict[str, Any]) -> None:
    (live,) = result["figures"]["rounds"]
    assert (live["rows_lost"], live["rows_twice"], live["rows_wrong"]) == (0, 0, 0)
    exact = [target for target in result["targets"] if target["what"].startswith("rows")]
    assert [target["met"] for target in exact] == [True] * 3


def test_workers_came_and_went_as_in_the_script(result: dict[str, Any]) -> None:
    """Nobody can be done before all have gone; but where the machine is busy, those that join
    during the run may not have joined when they are taken."""
    script, (live,) = result["figures"]["script"], result["figures"]["rounds"]
    assert (script["workers"], script["most_at_once"]) == (len(visits(QUICK)), 40)
    assert (live["killed"], live["told_to_leave"]) == (script["kills"], script["notices"])
    first = [v for v in visits(QUICK) if not v.start_seconds]
    assert len(first) <= live["workers"] <= script["workers"]
    taken = [v for v in first if isfinite(v.end_seconds)]
    killed = sum(not v.notice_seconds for v in taken)
    assert killed <= live["workers_lost"] <= script["kills"]
    assert len(taken) - killed <= live["workers_evicted"] <= script["notices"]


def test_the_efficiency_is_told_next_to_the_prediction(
    result: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    predicted, live = result["figures"]["predicted"], result["figures"]["rounds"][0]
    for figures in (predicted, live):
        assert 0.0 < figures["bound_seconds"] <= figures["makespan_seconds"]
        assert 0.0 < figures["efficiency"] <= 1.0
    assert live["replay_makespan_seconds"] > 0.0
    program.assert_complete(result["targets"], 5)
    with capsys.disabled():
        print(
            f"\n40 workers by a script: efficiency {live['efficiency']:.3f}, predicted"
            f" {predicted['efficiency']:.3f}; {live['makespan_seconds']:.1f} s, by replay"
            f" {live['replay_makespan_seconds']:.1f} s"
        )
