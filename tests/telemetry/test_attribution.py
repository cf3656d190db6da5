"""Findings are ordered by cause: by the table, by time and by place."""

from __future__ import annotations

import pytest

from pcm.telemetry.attribution import (
    LINGER_SECONDS,
    SLACK_SECONDS,
    Attribution,
    Neighbours,
    ranks_of,
)
from pcm.telemetry.explains import EXPLAINS
from pcm.telemetry.history import History
from pcm.telemetry.runbook import RUNBOOK, Finding
from pcm.telemetry.signals import Reading, Window

APART = Neighbours({})


def finding(
    condition: str, worker: str = "w0", since: float = 100.0, until: float | None = None
) -> Finding:
    return Finding(
        id=f"{condition}@{worker}",
        condition=condition,
        name=condition,
        worker=worker,
        place="",
        since_seconds=since,
        found_seconds=since + 6.0,
        until_seconds=until,
        evidence={},
        confidence=1.0,
        slowdown=1.0,
        cause="",
        directive="",
    )


def explained(*findings: Finding, near: Neighbours = APART) -> dict[str, str]:
    return Attribution().explain(findings, near)


def test_a_congested_fabric_explains_what_other_workers_suffer() -> None:
    assert explained(finding("EW4"), finding("NS5", "w7")) == {"NS5@w7": "EW4@w0"}


def test_a_slow_worker_explains_its_peers_but_not_strangers() -> None:
    both = finding("EW1"), finding("NS6", "w1")
    near = Neighbours({"w0": frozenset({"w1"}), "w1": frozenset({"w0"})})
    assert explained(*both, near=near) == {"NS6@w1": "EW1@w0"}
    assert explained(*both) == {}


def test_a_cause_may_be_seen_a_little_late_but_not_long_after() -> None:
    late = 100.0 + SLACK_SECONDS
    assert explained(finding("NS7", since=late), finding("NS5")) == {"NS5@w0": "NS7@w0"}
    assert explained(finding("NS7", since=late + 1.0), finding("NS5")) == {}


def test_what_ended_long_before_explains_nothing() -> None:
    ended = finding("NS7", since=0.0, until=50.0)
    assert explained(ended, finding("NS5", since=50.0 + LINGER_SECONDS)) == {"NS5@w0": "NS7@w0"}
    assert explained(ended, finding("NS5", since=51.0 + LINGER_SECONDS)) == {}


def test_of_several_causes_the_one_behind_the_others_is_named() -> None:
    told = explained(finding("EW4"), finding("NS7"), finding("NS5"))
    assert told == {"NS7@w0": "EW4@w0", "NS5@w0": "EW4@w0"}


def test_the_nearest_of_equal_causes_is_named() -> None:
    near = Neighbours({"w0": frozenset({"w1"}), "w1": frozenset({"w0"})})
    told = explained(finding("PC8"), finding("PC8", "w1"), finding("NS6", "w1"), near=near)
    assert told == {"NS6@w1": "PC8@w1"}


def test_the_table_names_conditions_that_there_are_and_has_no_circle() -> None:
    effects = {entry.cause: entry.effects for entry in EXPLAINS}
    assert len(effects) == len(EXPLAINS)
    assert set(effects) | {name for names in effects.values() for name in names} <= set(RUNBOOK)
    assert set(ranks_of(effects)) == set(effects) | {n for names in effects.values() for n in names}


def test_a_circle_is_refused_with_its_members() -> None:
    with pytest.raises(ValueError, match="A > B > A"):
        ranks_of({"A": ("B",), "B": ("A",)})


def test_neighbours_are_those_of_a_group_and_the_ends_of_a_link() -> None:
    history = History()
    for worker, signal, place in (
        ("w0", "collective.last_share", "tp0:0"),
        ("w1", "collective.last_share", "tp0:1"),
        ("w2", "fabric.latency_seconds", "eth0>w3"),
        ("w3", "fabric.latency_seconds", "eth0"),
    ):
        history.add(Window(worker, "A10", 10.0, 1.0, (Reading(signal, place, 1.0),)))
    near = Neighbours.of(history)
    assert near.near("w0", "w1")
    assert near.near("w3", "w2")
    assert not near.near("w0", "w2")
