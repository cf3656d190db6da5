"""Real packets, real faults: each that can be made here is found, at its place and by its name.

One run of the stage serves all tests, some two minutes: until the runbook knows a past, and then
the faults of two ranks one after the other, beside all others. What is not found in its time is
done once more, and if it is not found then the stage is set up anew, once: the machine may have
been busy with something else. How often the first try does is for the evaluation to tell.
"""

from __future__ import annotations

from typing import Any

import pytest

from evaluations.packets.faults import FAULTS, Fault
from evaluations.packets.measuring import program
from evaluations.packets.namespaces import CannotStage
from evaluations.packets.stage import SCENES
from pcm.telemetry.runbook import RUNBOOK

pytestmark = [pytest.mark.models, pytest.mark.timeout(640)]

NAMES = [f"{fault.condition}-{fault.worker}-{fault.turn}" for fault in FAULTS]


@pytest.fixture(scope="module")
def outcomes() -> list[dict[str, Any]]:
    """Of one run, or of two if the first did not find all."""
    pytest.importorskip("torch.distributed")
    try:
        outcomes = [program("evaluations.packets.running")]
        if not all(map(_is_found, outcomes[0]["faults"])):
            outcomes.append(program("evaluations.packets.running"))
    except CannotStage as reason:
        pytest.skip(str(reason))
    return outcomes


@pytest.mark.parametrize("fault", FAULTS, ids=NAMES)
def test_a_real_fault_is_found_at_its_place(fault: Fault, outcomes: list[dict[str, Any]]) -> None:
    done = [one for outcome in outcomes for one in outcome["faults"] if one["what"] == fault.what]
    assert any(map(_is_found, done)), "\n".join(_story(fault, outcome) for outcome in outcomes)


def test_what_nothing_is_done_to_is_not_found_ill(outcomes: list[dict[str, Any]]) -> None:
    for outcome in outcomes:
        assert [one for one in outcome["findings"] if one["worker"] == "w0"] == []


def test_the_observer_kept_up(outcomes: list[dict[str, Any]]) -> None:
    observer = outcomes[-1]["observer"]
    assert observer["packets"] > 100_000
    assert observer["dropped"] < 0.01 * observer["packets"]


def test_every_condition_is_of_the_runbook_and_every_worker_of_its_scene() -> None:
    for fault in FAULTS:
        assert fault.condition in RUNBOOK
        assert fault.worker in SCENES[fault.scene]


def _is_found(done: dict[str, Any]) -> bool:
    """And not before anything was done."""
    return done["found_after_seconds"] is not None and not done["before"]


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
