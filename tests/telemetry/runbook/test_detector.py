"""Findings are opened, kept and closed; what was not read is not guessed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from pcm.telemetry.runbook import Condition, Detector, Finding
from pcm.telemetry.runbook.base import (
    AllOf,
    AnyOf,
    Common,
    Family,
    Phase,
    Predicate,
    Unless,
    group,
    grows_with,
    level,
    past,
)
from pcm.telemetry.runbook.detector import SILENT_SLOTS, confidence
from pcm.telemetry.signals import Reading, Scope, Window


def condition(
    *when: Predicate, scope: Scope = Scope.WORKER, enter: tuple[int, int] = (3, 4), quiet: int = 3
) -> Condition:
    return Condition(
        id="NS1",
        name="a full queue",
        family=Family.NORTH_SOUTH,
        scope=scope,
        phase=Phase.BOTH,
        cause="much came",
        directive="wait",
        when=when,
        effect=grows_with("queue.items", 0.1),
        enter=enter,
        quiet=quiet,
    )


FULL = condition(level("queue.items", at_least=10.0))


def windows(
    values: Sequence[float | None], worker: str = "w0", signal: str = "queue.items", place: str = ""
) -> Iterator[Window]:
    for second, value in enumerate(values):
        readings = () if value is None else (Reading(signal, place, value),)
        yield Window(worker, "A10", 100.0 + second, 1.0, readings)


def told(detector: Detector, *sources: Iterator[Window]) -> list[Finding]:
    ordered = sorted((one for source in sources for one in source), key=lambda one: one.end_seconds)
    findings = [finding for one in ordered for finding in detector.observe((one,))]
    return findings + detector.advance(ordered[-1].end_seconds + 1.0)


def test_a_condition_is_found_after_some_seconds_and_is_over_after_some_quiet_ones() -> None:
    opened, closed = told(Detector((FULL,)), windows([1.0] * 5 + [20.0] * 10 + [1.0] * 10))
    # Levels are medians of five windows: the third of 20 makes one, and three make a finding.
    assert (opened.since_seconds, opened.found_seconds, opened.until_seconds) == (
        106.0,
        109.0,
        None,
    )
    assert opened.evidence == {"queue.items": 20.0}
    assert closed.until_seconds == 119.0
    assert closed.id == opened.id == "NS1@w0+106"


def test_two_odd_windows_are_nothing() -> None:
    assert told(Detector((FULL,)), windows([1.0] * 5 + [90.0] * 2 + [1.0] * 10)) == []


def test_a_short_pause_does_not_end_a_finding() -> None:
    patient = condition(FULL.when[0], quiet=5)
    findings = told(Detector((patient,)), windows([20.0] * 10 + [1.0] * 4 + [20.0] * 10))
    assert [finding.until_seconds for finding in findings] == [None]


def test_a_finding_is_told_anew_when_it_grows() -> None:
    findings = told(Detector((FULL,)), windows([11.0] * 10 + [15.0] * 10))
    assert [round(finding.evidence["queue.items"]) for finding in findings] == [11, 15]
    assert findings[0].confidence < findings[1].confidence
    assert [finding.slowdown for finding in findings] == pytest.approx([2.0, 2.4])


def test_windows_that_stop_end_a_finding() -> None:
    detector = Detector((FULL,))
    told(detector, windows([20.0] * 10))
    assert [finding.condition for finding in detector.open] == ["NS1"]
    ended = [finding for second in range(20) for finding in detector.advance(111.0 + second)]
    assert [finding.until_seconds is not None for finding in ended] == [True]
    assert detector.open == []


def test_a_worker_that_leaves_takes_its_findings_along() -> None:
    detector = Detector((FULL,))
    told(detector, windows([20.0] * 10))
    assert [finding.worker for finding in detector.forget("w0")] == ["w0"]
    assert (detector.open, detector.forget("w0")) == ([], [])


def test_a_worker_that_took_a_place_over_starts_anew() -> None:
    detector = Detector((FULL,))
    told(detector, windows([20.0] * 10))
    detector.forget("w0")
    late = (one._replace(end_seconds=one.end_seconds + 20.0) for one in windows([20.0] * 3, "w1"))
    assert told(detector, late) == []


def test_a_worker_without_a_word_is_forgotten() -> None:
    detector = Detector((FULL,))
    told(detector, windows([20.0] * 10), windows([1.0] * (SILENT_SLOTS + 15), "w1"))
    assert list(detector.history.workers) == ["w1"]


@pytest.mark.parametrize("bound", [{"at_least": 1.0}, {"at_most": 1.0}])
def test_a_missing_signal_means_silence(bound: dict[str, float]) -> None:
    needs = condition(level("queue.items", at_least=10.0), level("host.cpu_pressure", **bound))
    assert told(Detector((needs,)), windows([20.0] * 20)) == []


def test_a_place_of_its_own_kind_is_named_and_the_workers_signals_count_for_it() -> None:
    busy = condition(
        level("gpu.busy_share", at_most=0.5), level("queue.items", at_least=1.0), scope=Scope.GPU
    )
    findings = told(
        Detector((busy,)),
        windows([5.0] * 10),
        windows([0.2] * 10, signal="gpu.busy_share", place="gpu0"),
        windows([0.9] * 10, signal="gpu.busy_share", place="gpu1"),
    )
    assert [(finding.worker, finding.place) for finding in findings] == [("w0", "gpu0")]


def test_the_past_is_what_was_before_and_not_the_same_seconds() -> None:
    doubled = condition(past("queue.items", at_least=1.8))
    assert told(Detector((doubled,)), windows([20.0] * 80)) == []
    findings = told(Detector((doubled,)), windows([5.0] * 60 + [10.0] * 20))
    assert findings[0].evidence["queue.items:past_ratio"] == pytest.approx(2.0)


def test_a_change_stays_a_change_while_its_finding_is_open() -> None:
    doubled = condition(past("queue.items", at_least=1.8))
    findings = told(Detector((doubled,)), windows([5.0] * 60 + [10.0] * 180))
    assert [finding.until_seconds for finding in findings] == [None]


def test_a_change_that_came_soon_after_the_start_is_not_taken_for_the_past() -> None:
    """Of the seconds before it was found, those that showed it already are no past either, and nor
    are those meanwhile in which it just failed to hold."""
    rises = condition(past("queue.items", at_least=3.0), enter=(5, 8), quiet=30)
    steady, ill = [5.0] * 46, ([20.0] * 26 + [12.0] * 10) * 14
    findings = told(Detector((rises,)), windows([*steady, *ill]))
    assert [finding.until_seconds for finding in findings] == [None]


def test_a_group_of_two_compares_each_with_the_other() -> None:
    uneven = condition(group("gpu.busy_share", at_least=1.9), scope=Scope.GPU)
    findings = told(
        Detector((uneven,)),
        windows([0.4] * 10, signal="gpu.busy_share", place="gpu0"),
        windows([0.8] * 10, signal="gpu.busy_share", place="gpu1"),
    )
    assert [finding.place for finding in findings] == ["gpu1"]


def test_what_is_common_is_found_only_where_many_have_it() -> None:
    many = condition(level("queue.items", at_least=10.0), Common(FULL.when[0], at_least=0.5))
    few = [windows([20.0 if n < 2 else 1.0] * 10, f"w{n}") for n in range(6)]
    assert told(Detector((many,)), *few) == []
    half = [windows([20.0 if n < 3 else 1.0] * 10, f"w{n}") for n in range(6)]
    assert {finding.worker for finding in told(Detector((many,)), *half)} == {"w0", "w1", "w2"}


def test_predicates_combine() -> None:
    full, busy = level("queue.items", at_least=10.0), level("host.cpu_share", at_least=0.5)
    queue = [20.0] * 10
    for when, number in (
        ((AnyOf((busy, full)),), 1),
        ((AllOf((busy, full)),), 0),
        ((full, Unless(busy)), 1),
        ((full, Unless(level("queue.items", at_least=15.0))), 0),
    ):
        assert len(told(Detector((condition(*when),)), windows(queue))) == number


def test_confidence_is_a_half_at_the_bound_and_grows_beyond_it() -> None:
    assert [confidence(1.0, 1.0), confidence(4.0, 1.0), confidence(4.0, 0.5)] == [
        0.5,
        0.875,
        0.4375,
    ]
