"""How findings are counted against the truth."""

from __future__ import annotations

import pytest

from evaluations.runbook.judging import (
    GRACE_SECONDS,
    Verdict,
    confusion,
    false_findings,
    judge,
    macro,
    of_condition,
)
from evaluations.runbook.truth import Truth
from pcm.telemetry.runbook import Finding

TRUTH = Truth("EW6", "w1", "ib0>w2", 100.0, 200.0, frozenset(["w2"]))


def finding(
    condition: str, worker: str, at: float, place: str = "", explained_by: str = ""
) -> Finding:
    return Finding(
        id=f"{condition}@{worker}/{place}+{at}",
        condition=condition,
        name="",
        worker=worker,
        place=place,
        since_seconds=at,
        found_seconds=at,
        evidence={},
        confidence=1.0,
        slowdown=1.0,
        cause="",
        directive="",
        explained_by=explained_by,
    )


def verdict(*findings: Finding, truth: Truth = TRUTH) -> Verdict:
    return judge(0, "moderate", truth, findings)


def test_the_first_that_is_true_counts() -> None:
    found = verdict(finding("EW6", "w1", 130, "ib0>w2"), finding("EW6", "w2", 110, "ib0>w1"))
    assert found.seconds_to_detect == 10
    assert found.is_placed
    assert found.false == ()


def test_the_other_end_of_a_link_will_do_but_is_not_the_place() -> None:
    found = verdict(finding("EW6", "w2", 110, "ib0>w1"))
    assert found.is_found
    assert not found.is_placed


@pytest.mark.parametrize(
    "wrong",
    [
        finding("EW6", "w3", 110),
        finding("EW7", "w1", 110),
        finding("EW6", "w1", 99),
        finding("EW6", "w1", 200 + GRACE_SECONDS + 1),
    ],
)
def test_others_are_false(wrong: Finding) -> None:
    found = verdict(wrong)
    assert not found.is_found
    assert found.false == ((wrong.condition, wrong.worker, wrong.place),)


def test_an_effect_is_neither_true_nor_false() -> None:
    root = finding("EW4", "w1", 105)
    found = verdict(root, finding("EW6", "w1", 110, explained_by=root.id))
    assert not found.is_found
    assert found.false == (("EW4", "w1", ""),)
    assert found.explained == 1
    assert false_findings([root, finding("EW6", "w1", 110, explained_by=root.id)]) == [root]


def test_a_false_one_that_flaps_counts_once_in_a_faulty_run_and_each_time_in_a_clean_one() -> None:
    flapping = [finding("NS1", "w5", at) for at in (110.0, 120.0)]
    assert len(verdict(*flapping).false) == 1
    assert len(false_findings(flapping)) == 2


def test_recall_and_precision_of_a_condition() -> None:
    other = TRUTH._replace(condition="EW7")
    verdicts = [
        verdict(finding("EW6", "w1", 110)),
        verdict(),
        verdict(finding("EW6", "w1", 110), finding("EW7", "w1", 110), truth=other),
    ]
    assert of_condition(verdicts, "EW6") == (0.5, 0.5)
    assert of_condition(verdicts, "EW7") == (1.0, 1.0)
    assert of_condition(verdicts, "NS1") == (None, None)
    assert macro(verdicts, ("EW6", "EW7", "NS1")) == (0.75, 0.75)


def test_confusion_has_none_and_what_else_was_told() -> None:
    verdicts = [verdict(), verdict(finding("EW6", "w1", 110), finding("EW7", "w2", 110))]
    assert confusion(verdicts) == {"EW6": {"none": 1, "EW6": 1, "EW7": 1}}
