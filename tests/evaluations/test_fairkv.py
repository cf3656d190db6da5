"""The evaluation of plans of heads: it runs, and its profiles are what it says that they are."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from evaluations.fairkv import planner
from evaluations.fairkv.plan import FULL, QUICK
from evaluations.fairkv.profiles import BUDGETS, FLOOR, PROMPT_TOKENS, SHAPES, profile_of
from workers.heads.planning import plan_heads


def test_the_full_plan_is_that_of_the_targets() -> None:
    heads = {SHAPES[model].heads for model in FULL.models}
    assert (min(heads), max(heads)) == (8, 64)
    assert max(SHAPES[model].layers for model in FULL.models) == 80
    assert (FULL.ranks, FULL.budgets) == ((2, 4, 8), (128, 256, 512, 1024, 2048))
    assert FULL.rows == (8, 16, 32)


def test_plans_are_measured_and_judged() -> None:
    figures = planner.measure(replace(QUICK, models=("Llama-3.1-8B",)), lambda text: None)
    assert [(row["model"], row["ranks"]) for row in figures["table"]] == [
        ("Llama-3.1-8B", 2),
        ("Llama-3.1-8B", 4),
    ]
    for row in figures["table"]:
        assert row["equal"] < row["assigned"] <= row["copied"] <= 1
        assert row["gain_copied"] == row["copied"] / row["equal"]
    verdicts = {target.what: target.met for target in planner.targets(figures)}
    assert len(verdicts) == 9
    assert verdicts["utilisation with copies, worst case"]
    assert verdicts["heads that are not exactly once in each row of a batch"]


def test_a_plan_that_is_worse_is_seen() -> None:
    kept = profile_of("Llama-3.1-8B", 128).loads()
    plans = {method: plan_heads(kept, 2, method=method) for method in planner.METHODS}
    assert set(planner.faults_of(kept, plans).values()) == {0}
    worse = plan_heads(kept[::-1], 2, method="assigned")
    assert planner.faults_of(kept, {**plans, "copied": worse})["worse_than_equal"] > 0
    layers = ((worse.layers[0][0], worse.layers[0][0]), *worse.layers[1:])
    msgspec.structs.force_setattr(worse, "layers", layers)  # No such plan can be made.
    faults = planner.faults_of(kept, {**plans, "copied": worse})
    assert faults["rows_not_once"] == 8 * len(planner.CHECKED_ROWS)
    assert faults["more_in_common"] == 1


@pytest.mark.parametrize("budget", BUDGETS)
def test_a_profile_spends_its_budget_unevenly(budget: int) -> None:
    profile = profile_of("Gemma-2-27B", budget)
    kept = profile.loads()
    assert kept.shape == (46, 16)
    assert kept.mean(axis=1) == pytest.approx(np.full(46, budget), rel=0.01)
    assert kept.min() >= FLOOR * budget - 1
    assert kept.max() <= PROMPT_TOKENS
    assert np.median(kept.max(axis=1)) > 2 * budget
    assert profile == profile_of("Gemma-2-27B", budget)


def test_weights_of_a_copied_head_are_those_of_the_published_shape() -> None:
    """Llama-3.1-8B: 4096 x 128 numbers of two bytes, for 4 query heads (q and o), k and v."""
    assert SHAPES["Llama-3.1-8B"].head_bytes == 2 * 4096 * 128 * (4 + 4 + 1 + 1)
