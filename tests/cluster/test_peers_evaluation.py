"""The comparison with peers where TaskVine is: TaskVine's own calls and pcm, on a tiny workload."""

from __future__ import annotations

from typing import Any

import pytest

from evaluations.peers.environment import Environment
from evaluations.peers.measuring import measure
from evaluations.peers.plan import QUICK
from evaluations.peers.systems import SYSTEMS
from tests.cluster.needs import needs_function_calls, needs_taskvine

pytestmark = [pytest.mark.cluster, pytest.mark.kills, needs_taskvine]

PRESENT = (pytest.param("taskvine_serverless", marks=needs_function_calls), "pcm_taskvine")


@pytest.fixture(scope="module")
def figures() -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        missing = dict.fromkeys(("ray", "distributed", "parsl"), "is not installed")
        patch.setattr(Environment, "lacking", lambda _: missing)
        plan = QUICK._replace(schedules=(("every_1_s", 1.0),))
        found, _ = measure(plan, lambda _: None)
    return found


def test_peers_that_are_not_installed_are_absent(figures: dict[str, Any]) -> None:
    peers = {name for name, system in SYSTEMS.items() if system.place == "peers"}
    assert figures["absent"].keys() == peers


@pytest.mark.parametrize("system", PRESENT)
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
