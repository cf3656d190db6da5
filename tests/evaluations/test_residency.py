"""The evaluation of residency: it runs, every way of changing gives the same answers, and a parked
context takes less."""

from __future__ import annotations

import pytest

from evaluations.residency.plan import FULL, QUICK, WAYS
from tests.evaluations import program


@pytest.mark.models
def test_it_prints_its_figures() -> None:
    printed = program.quick("residency", timeout_seconds=110)
    (kind,) = QUICK.kinds
    figures = printed["figures"][kind.name]
    for way in WAYS:
        warm, answered = (
            figures[until][way]["median"]
            for until in ("until_warm_seconds", "until_answer_seconds")
        )
        assert 0 < warm < answered, way
        assert figures["swaps_per_second"][way] > 0
    assert 0 < figures["parked_bytes"]["median"] < figures["warm_bytes"]["median"]
    program.assert_complete(printed["targets"], 2)


def test_the_full_plan_has_two_and_four_contexts_and_what_cannot_be_parked_well() -> None:
    assert {kind.contexts for kind in FULL.kinds} == {2, 4}
    assert {kind.is_mapped for kind in FULL.kinds} == {True, False}
    assert len({kind.name for kind in FULL.kinds}) == len(FULL.kinds)
