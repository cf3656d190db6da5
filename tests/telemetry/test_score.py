from __future__ import annotations

from typing import Any

import pytest

from pcm.core.events import SkewChanged
from pcm.telemetry.batch_times import BatchTimes
from pcm.telemetry.findings import Finding
from pcm.telemetry.score import HALF_LIFE_SECONDS, SCORE_MAX, Score, explained


def finding(slowdown: float = 2.0, since: float = 100.0, **changes: Any) -> Finding:
    told = {
        "id": f"PC8@w1+{since:.0f}",
        "condition": "PC8",
        "name": "host CPU bottleneck",
        "worker": "w1",
        "place": "",
        "since_seconds": since,
        "found_seconds": since + 6.0,
        "evidence": {"host.cpu_pressure": 0.9},
        "confidence": 1.0,
        "slowdown": slowdown,
        "cause": "other tenants",
        "directive": "move away",
    }
    return Finding(**{**told, **changes})


class Fleet:
    """Four workers of a kind that take a second per batch, and the first one's score."""

    def __init__(self) -> None:
        self.times, self.now = BatchTimes(), 0.0
        self.score = Score("w1", self.times)

    def batches(self, first: float = 1.0, count: int = 1) -> None:
        for _ in range(count):
            for worker, seconds in (("w1", first), ("w2", 1.0), ("w3", 1.0), ("w4", 1.0)):
                self.times.observe("run", "cpu", worker, seconds, 1.0, self.now)
            self.now += 1.0

    def settle(self, *findings: Finding) -> SkewChanged | None:
        return self.score.settle(findings, self.now)


def test_without_findings_and_batches_nothing_is_said() -> None:
    fleet = Fleet()
    fleet.batches(count=20)
    assert fleet.settle() is None
    assert fleet.score.value == 1.0


def test_a_finding_is_news_before_batches_show_it() -> None:
    fleet = Fleet()
    fleet.batches(count=5)
    change = fleet.settle(finding(2.0, since=fleet.now))
    assert change is not None
    assert change.factor == pytest.approx(2.0)
    assert 1.15 <= change.score <= 2.0


def test_what_batches_have_shown_already_is_no_news() -> None:
    fleet = Fleet()
    fleet.batches(count=5)
    since = fleet.now
    fleet.batches(first=2.0, count=8)
    change = fleet.settle(finding(2.0, since=since))
    assert change is not None
    assert change.factor == 1.0
    assert change.score == pytest.approx(2.0, rel=0.1)


def test_batches_win_over_findings_when_there_are_enough() -> None:
    fleet = Fleet()
    fleet.batches(count=20)
    fleet.settle(finding(4.0, since=0.0))
    assert fleet.score.value < 4.0**0.5


def test_it_rises_at_once_and_falls_slowly() -> None:
    fleet = Fleet()
    fleet.settle(finding(4.0))
    assert fleet.score.value == pytest.approx(4.0)
    fleet.now += HALF_LIFE_SECONDS
    change = fleet.settle()
    assert change is not None
    assert change.factor == pytest.approx(2.0)
    fleet.now += 10 * HALF_LIFE_SECONDS
    assert fleet.settle() == SkewChanged("w1", 1.0, 1.0)
    assert fleet.settle() is None


def test_small_changes_are_not_told() -> None:
    fleet = Fleet()
    assert fleet.settle(finding(2.0)) is not None
    assert fleet.settle(finding(2.1)) is None
    assert fleet.settle(finding(3.0)) is not None


def test_it_has_a_limit() -> None:
    fleet = Fleet()
    change = fleet.settle(finding(100.0))
    assert change is not None
    assert change.factor == change.score == SCORE_MAX


def test_an_effect_counts_unless_its_cause_is_here_as_well() -> None:
    cause, effect = finding(1.5), finding(3.0, since=101.0, explained_by=finding().id)
    assert explained([effect]) == pytest.approx(3.0)
    assert explained([cause, effect]) == pytest.approx(1.5)


def test_doubtful_findings_change_nothing_and_sure_ones_more_than_likely_ones() -> None:
    assert explained([finding(3.0, confidence=0.4)]) == 1.0
    assert 1.0 < explained([finding(3.0, confidence=0.6)]) < explained([finding(3.0)])
