"""Answers over ranks: those of one rank with the same budgets, for any plan."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from tests.inference.fairkv import tiny_fair
from tests.inference.fairkv.tiny_fair import (
    HEADS,
    LAYERS,
    LIMITS,
    MODELS,
    PROMPTS,
    Answer,
    answers,
    assert_same,
    fair,
    one_rank,
    random_budgets,
    random_plan,
)
from tests.inference.rank_processes import on_ranks
from workers.heads.plan import HeadPlan, Share
from workers.heads.planning import plan_heads
from workers.inference.fairkv.budgets import Budgets
from workers.inference.fairkv.following import Following
from workers.inference.fairkv.observing import Observer
from workers.inference.ranks import here

pytestmark = pytest.mark.models

PROFILE_BUDGET = 12


def _answers(name: str, plan: HeadPlan, seed: int) -> list[Answer]:
    return answers(fair(MODELS[name](), plan, random_budgets(seed)), PROMPTS, LIMITS)


class Found(NamedTuple):
    """What a rank says."""

    answers: list[list[Answer]]
    dealt_anew: list[list[Answer]]
    kept: tuple[tuple[float, ...], ...]
    followed: tuple[HeadPlan, Budgets, list[list[Answer]]]


def _all_of_it(cases: list[tuple[str, int]], anew: list[int]) -> Found:
    """On a rank. One process does all: starting it takes longer."""
    ranks = here().count
    found = [_answers(name, random_plan(seed, ranks), seed) for name, seed in cases]
    model = fair(MODELS["biases"](), random_plan(anew[0], ranks), random_budgets(anew[0]))
    dealt_anew = []
    for seed in anew[1:]:
        model.deal(random_plan(seed, ranks), random_budgets(seed))
        dealt_anew.append(answers(model, PROMPTS, LIMITS))
    profile = model.profile(PROMPTS, PROFILE_BUDGET)
    return Found(found, dealt_anew, profile.kept, _followed())


def _lopsided(ranks: int) -> HeadPlan:
    """All heads on the last rank."""
    whole = tuple(Share(head) for head in range(HEADS))
    return HeadPlan(ranks, HEADS, "assigned", (((),) * (ranks - 1) + (whole,),) * LAYERS)


def _followed() -> Any:
    """The plan and budgets that a model has come to, and its answers before and after."""
    plan, budgets = _lopsided(here().count), random_budgets(5)
    model = fair(MODELS["llama"](), plan, budgets)
    observer = Observer(tiny_fair.RULE, PROFILE_BUDGET, LAYERS, HEADS)
    model.follow(Following(plan, budgets, slots=5, observer=observer))
    before = answers(model, PROMPTS, LIMITS)
    list(model.generate(PROMPTS * 40, 1))
    after = answers(model, PROMPTS, LIMITS)
    return model.plan, model.budgets, [before, after]


@pytest.mark.parametrize(
    ("cases", "anew"),
    [
        ([("llama", 0), ("llama", 1), ("llama", 2), ("biases", 3), ("qwen2", 4)], [5, 6, 7]),
        ([("llama", 8), ("llama", 9), ("qwen3", 10)], [11, 12, 13]),
    ],
    ids=["2 ranks", "3 ranks"],
)
def test_any_plan_gives_the_answers_of_one_rank(
    cases: list[tuple[str, int]], anew: list[int], request: pytest.FixtureRequest
) -> None:
    ranks = int(request.node.callspec.id[0])
    first, *others = on_ranks(ranks, _all_of_it, cases, anew)
    for (name, seed), over_ranks in zip(cases, first.answers, strict=True):
        assert_same(over_ranks, _answers(name, one_rank(), seed))
    for seed, over_ranks in zip(anew[1:], first.dealt_anew, strict=True):
        assert_same(over_ranks, _answers("biases", one_rank(), seed))
    alone = fair(MODELS["biases"](), one_rank(), random_budgets(0)).profile(PROMPTS, PROFILE_BUDGET)
    # A count may differ by one where two scores are equal but for rounding.
    assert np.abs(np.array(first.kept) - alone.loads()).max() <= 0.5
    plan, budgets, (before, after) = first.followed
    assert plan != _lopsided(ranks)
    assert plan.utilisation(np.array(budgets, dtype=float)) > 1 / ranks
    assert_same(before, _answers("llama", one_rank(), 5))
    assert_same(after, answers(fair(MODELS["llama"](), one_rank(), budgets), PROMPTS, LIMITS))
    for other in others:  # to the bit, as they must go on with the same tokens
        assert other.followed[:2] == first.followed[:2]
        assert other.kept == first.kept
        for mine, its in zip(first.answers, other.answers, strict=True):
            for (tokens, logits), (its_tokens, its_logits) in zip(mine, its, strict=True):
                assert tokens == its_tokens
                assert torch.equal(logits, its_logits)


def _planned(kept: list[list[float]]) -> tuple[list[int], list[Answer]]:
    """On a rank: how many tokens its caches hold, by the plan for these budgets."""
    plan = plan_heads(np.array(kept), here().count, rows=4)
    budgets = tuple(tuple(int(tokens) for tokens in layer) for layer in kept)
    model = fair(MODELS["llama"](), plan, budgets, slots=4)
    found = answers(model, PROMPTS, LIMITS)
    caches = model.decoding(1).caches
    room = [sum(head.budget * len(head.rows.slots) for head in layer) for layer in caches.layers]
    return room, found


def test_a_copied_head_is_kept_by_parts_of_the_rows() -> None:
    """One head keeps most: over two ranks each has it for half of the rows."""
    kept = [[90.0, 2.0, 2.0, 2.0], [2.0, 2.0, 90.0, 2.0]]
    (room, found), (other_room, _) = on_ranks(2, _planned, kept)
    assert all(abs(mine - its) <= 8 for mine, its in zip(room, other_room, strict=True))
    budgets = tuple(tuple(int(tokens) for tokens in layer) for layer in kept)
    assert_same(found, answers(fair(MODELS["llama"](), one_rank(), budgets), PROMPTS, LIMITS))
