"""The comparison with peers where TaskVine is: TaskVine's own calls and pcm, on a tiny workload."""

from __future__ import annotations

from typing import Any

import pytest

from evaluations.dispatch import beside
from evaluations.peers.environment import Environment
from evaluations.peers.measuring import measure
from evaluations.peers.plan import QUICK
from evaluations.peers.systems import SYSTEMS
from tests.cluster.needs import needs_taskvine

pytestmark = [pytest.mark.cluster, pytest.mark.kills, needs_taskvine]

PRESENT = ("taskvine_serverless", "pcm_taskvine")


@pytest.fixture(scope="module")
def figures() -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        missing = dict.fromkeys(("ray", "distributed", "parsl"), "is not installed")
        patch.setattr(Environment, "lacking", lambda _: missing)
        workload = QUICK.workload._replace(items=300, mean_seconds=0.03, away_seconds=0.2)
        plan = QUICK._replace(workload=workload, schedules=(("every_1_s", 1.0),))
        found, _ = measure(plan, lambda _: None)
    return found


def test_peers_that_are_not_installed_are_absent(figures: dict[str, Any]) -> None:
    peers = {name for name, system in SYSTEMS.items() if system.place == "peers"}
    assert figures["absent"].keys() == peers


@pytest.mark.parametrize("system", PRESENT)
@pytest.mark.skipif(bool(beside.missing()), reason=f"needs {beside.missing()}: `make cluster`")
def test_it_outlives_kills(figures: dict[str, Any], system: str) -> None:
    assert system not in figures["failed"]
    for found in figures["systems"][system].values():
        assert found["runs"] == 1
        assert found["loads"]["median"] >= 2
    (killed,) = figures["runs"][system]["every_1_s"]
    assert killed["kills"] >= 1


def test_pcm_is_exact(figures: dict[str, Any]) -> None:
    for found in figures["systems"]["pcm_taskvine"].values():
        assert found["unfinished"] == 0
        assert found["missing_rows"] == found["duplicate_rows"] == found["wrong_rows"] == 0
