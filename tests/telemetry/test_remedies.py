from __future__ import annotations

from itertools import pairwise
from typing import Any

from pcm.telemetry.findings import Finding
from pcm.telemetry.remedies import (
    CALM_SECONDS,
    LASTED_SECONDS,
    WHILE_SECONDS,
    WHILE_SECONDS_MAX,
    Remedies,
    Remedy,
)
from pcm.telemetry.runbook.detector import confidence
from pcm.telemetry.runbook.east_west import EW1
from tests.telemetry.test_score import finding

KINDS = {f"w{number}": "a10" for number in range(1, 9)}


class Fleet:
    def __init__(self) -> None:
        self.remedies, self.now = Remedies(), 1000.0
        self.kinds, self.scores = dict(KINDS), dict.fromkeys(KINDS, 1.0)
        self.findings: dict[str, Finding] = {}

    def find(self, worker: str, **changes: Any) -> None:
        told = {"worker": worker, "id": f"PC8@{worker}+{self.now}", **changes}
        self.findings[worker] = finding(since=self.now, **told)
        self.scores[worker] = 3.0

    def after(self, seconds: float) -> list[Remedy]:
        self.now += seconds
        return self.remedies.decide(list(self.findings.values()), self.scores, self.kinds, self.now)

    def replaced(self, seconds: float) -> list[str]:
        gone = [remedy.worker for remedy in self.after(seconds) if remedy.kind == "replace"]
        for worker in gone:
            del self.findings[worker], self.kinds[worker], self.scores[worker]
        return gone

    def joins(self, worker: str) -> None:
        self.kinds[worker], self.scores[worker] = "a10", 1.0


def test_a_worker_that_stays_slow_is_replaced_once() -> None:
    fleet = Fleet()
    fleet.find("w1")
    assert fleet.replaced(LASTED_SECONDS / 2) == []
    assert fleet.replaced(LASTED_SECONDS) == ["w1"]
    assert fleet.replaced(LASTED_SECONDS) == []


def test_not_for_what_would_come_along_nor_for_effects_doubts_or_little() -> None:
    for changes in (
        {"condition": "NS8"},
        {"explained_by": "EW4@w9+1"},
        {"confidence": 0.55},
    ):
        fleet = Fleet()
        fleet.find("w1", **changes)
        assert fleet.replaced(1000.0) == []
    fleet = Fleet()
    fleet.find("w1")
    fleet.scores["w1"] = 1.5
    assert fleet.replaced(1000.0) == []


def test_a_rank_that_comes_last_in_four_of_five_collectives_is_within_reach() -> None:
    (bound,) = [test.at_least for test in EW1.tests() if test.signal == "collective.last_share"]
    assert bound is not None
    for share, replaced in ((0.8, ["w1"]), (0.65, [])):
        fleet = Fleet()
        fleet.find("w1", condition="EW1", confidence=confidence(share / bound, 1.0))
        assert fleet.replaced(LASTED_SECONDS + 10) == replaced


def test_never_when_none_of_its_class_is_well() -> None:
    fleet = Fleet()
    for worker in KINDS:
        fleet.find(worker)
    assert fleet.replaced(LASTED_SECONDS + 10) == []


def test_only_a_few_in_a_while() -> None:
    fleet = Fleet()
    for worker in ("w1", "w2", "w3"):
        fleet.find(worker)
    assert len(fleet.replaced(LASTED_SECONDS + 10)) == 1
    assert fleet.replaced(WHILE_SECONDS / 2) == []
    assert len(fleet.replaced(WHILE_SECONDS / 2 + 1)) == 1


def test_less_and_less_often_if_it_is_no_use() -> None:
    """Whoever comes is found to be as slow: the cause does not stay behind."""
    fleet, times = Fleet(), []
    fleet.find("w1")
    for number in range(100, 100 + int(3 * WHILE_SECONDS_MAX / 10)):
        if fleet.replaced(10.0):
            times.append(fleet.now)
            fleet.joins(f"w{number}")
            fleet.now += 20.0
            fleet.find(f"w{number}")
    waits = [after - before for before, after in pairwise(times)]
    assert waits[0] >= WHILE_SECONDS
    assert waits[1] >= 1.9 * waits[0]
    assert len(times) <= 8


def test_transfers_are_staggered_while_a_link_is_full_and_a_while_longer() -> None:
    fleet = Fleet()
    fleet.find("w1", condition="NS9")
    assert [remedy.kind for remedy in fleet.after(1.0)] == ["stagger"]
    assert fleet.after(1.0) == []
    fleet.findings.clear()
    assert fleet.after(CALM_SECONDS / 2) == []
    assert [remedy.kind for remedy in fleet.after(CALM_SECONDS)] == ["unstagger"]
    assert fleet.after(CALM_SECONDS) == []
