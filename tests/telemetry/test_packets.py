"""Real packets, real faults: each that can be made here is found, at its place and by its name.

One run of the stage serves all tests, less than two minutes: until the runbook knows a past, and
then the faults of two ranks one after the other, beside all others. What is not found in its time
is done once more: the machine may have been busy with something else.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from evaluations.packets.faults import FAULTS, Fault
from evaluations.packets.measuring import program
from evaluations.packets.namespaces import CannotStage
from evaluations.packets.stage import SCENES
from pcm.telemetry.runbook import RUNBOOK

pytestmark = [pytest.mark.models, pytest.mark.timeout(320)]

NAMES = [f"{fault.condition}-{fault.worker}-{fault.turn}" for fault in FAULTS]


@pytest.fixture(scope="module")
def outcome() -> dict[str, Any]:
    if not os.environ.get("PCM_STAGE"):
        pytest.skip("two minutes on a quiet machine: set PCM_STAGE=1")
    pytest.importorskip("torch.distributed")
    try:
        return program("evaluations.packets.running")
    except CannotStage as reason:
        pytest.skip(str(reason))


@pytest.mark.parametrize("fault", FAULTS, ids=NAMES)
def test_a_real_fault_is_found_at_its_place(fault: Fault, outcome: dict[str, Any]) -> None:
    (done,) = [one for one in outcome["faults"] if one["what"] == fault.what]
    assert done["found_after_seconds"] is not None, _story(fault, outcome)
    assert not done["before"], _story(fault, outcome)


def test_what_nothing_is_done_to_is_not_found_ill(outcome: dict[str, Any]) -> None:
    assert [one for one in outcome["findings"] if one["worker"] == "w0"] == []


def test_the_observer_kept_up(outcome: dict[str, Any]) -> None:
    observer = outcome["observer"]
    assert observer["packets"] > 100_000
    assert observer["dropped"] < 0.01 * observer["packets"]


def test_every_condition_is_of_the_runbook_and_every_worker_of_its_scene() -> None:
    for fault in FAULTS:
        assert fault.condition in RUNBOOK
        assert fault.worker in SCENES[fault.scene]


def _story(fault: Fault, outcome: dict[str, Any]) -> str:
    """What was found in the scene, to see why it was not what it should be."""
    first = outcome["first_fault_seconds"]
    lines = [
        f"{one['found_seconds'] - first:6.1f} s: {one['condition']} at {one['worker']}"
        f" {one['place']}: {one['evidence']}"
        for one in outcome["findings"]
        if one["worker"] in SCENES[fault.scene]
    ]
    return "\n".join(lines) or "nothing was found in its scene"
