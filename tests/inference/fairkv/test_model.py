"""On one rank: the model's own answers where everything is kept, else those of the oracle."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.inference import tiny_models
from tests.inference.fairkv import oracle, tiny_fair
from tests.inference.fairkv.tiny_fair import (
    GENEROUS,
    HEADS,
    LAYERS,
    LIMITS,
    MODELS,
    PROMPTS,
    RULE,
    answers,
    assert_same,
    fair,
    one_rank,
    random_budgets,
    random_plan,
)
from tests.inference.tiny_models import tokenizer
from workers.heads.plan import HeadPlan, Share
from workers.inference.base import Generation

pytestmark = pytest.mark.models


def _ids(prompt: str) -> list[int]:
    ids: list[int] = tokenizer()(prompt)["input_ids"]
    return ids


@pytest.mark.parametrize("name", [*MODELS, "mistral"])
def test_with_everything_kept_answers_are_the_models_own(name: str) -> None:
    make = MODELS.get(name, lambda: tiny_models.mistral(200))
    heads = make().config.num_key_value_heads
    plan = HeadPlan(1, heads, "equal", ((tuple(Share(head) for head in range(heads)),),) * LAYERS)
    found = answers(fair(make(), plan, ((300,) * heads,) * LAYERS), PROMPTS, LIMITS)
    model = make()
    for prompt, (tokens, logits) in zip(PROMPTS, found, strict=True):
        ids = torch.tensor([_ids(prompt) + tokens])
        with torch.inference_mode():
            own = model(ids).logits[0, len(_ids(prompt)) - 1 :]
        picked = logits.argmax(-1).tolist()
        assert own.argmax(-1)[: len(picked)].tolist() == picked
        torch.testing.assert_close(logits, own[: len(logits)], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("seed", range(3))
def test_with_budgets_answers_are_the_oracles(seed: int) -> None:
    budgets = random_budgets(seed)
    found = answers(fair(tiny_fair.llama(), one_rank(), budgets), PROMPTS, LIMITS)
    model = tiny_fair.llama()
    for prompt, (tokens, logits) in zip(PROMPTS, found, strict=True):
        by_oracle = oracle.logits(model, _ids(prompt), tokens, budgets, RULE)
        torch.testing.assert_close(logits[: len(tokens)], by_oracle, rtol=1e-3, atol=1e-3)


def test_neighbours_and_slots_change_nothing_but_rounding() -> None:
    budgets = random_budgets(1)
    many = answers(fair(tiny_fair.llama(), one_rank(), budgets, slots=5), PROMPTS, LIMITS)
    two = answers(fair(tiny_fair.llama(), one_rank(), budgets, slots=2), PROMPTS, LIMITS)
    assert_same(many, two)
    model = fair(tiny_fair.llama(), one_rank(), budgets)
    for index in (0, 3):
        assert_same([many[index]], answers(model, [PROMPTS[index]], [LIMITS[index]]))


def test_a_batch_that_is_given_up_leaves_nothing_behind() -> None:
    model = fair(tiny_fair.llama(), one_rank(), random_budgets(2))
    whole = list(model.generate(PROMPTS, LIMITS))
    next(model.generate(PROMPTS, 30))
    assert list(model.generate(PROMPTS, LIMITS)) == whole


def test_sampling_follows_the_seed_and_stop_strings_end_an_answer() -> None:
    model = fair(tiny_fair.llama(), one_rank(), GENEROUS)
    one = list(model.generate(PROMPTS, 9, 1.5, 0.9, seed=1))
    assert one == list(model.generate(PROMPTS, 9, 1.5, 0.9, seed=1))
    assert one != list(model.generate(PROMPTS, 9, 1.5, 0.9, seed=2))
    (whole,) = model.generate(PROMPTS[:1], 20)
    assert isinstance(whole, Generation)
    stop = whole.text[4:7]
    (cut,) = model.generate(PROMPTS[:1], 20, stop=[stop])
    assert isinstance(cut, Generation)
    assert cut.text == whole.text[: whole.text.index(stop)]


def test_an_input_that_cannot_be_answered_has_its_error_and_the_others_their_answers() -> None:
    model = fair(tiny_fair.llama(), one_rank(), GENEROUS)
    bad: Any = 7
    found = list(model.generate(["", PROMPTS[0], bad, PROMPTS[1]], [5, 5, 5, 999]))
    assert [type(answer) for answer in found] == [ValueError, Generation, ValueError, ValueError]
    assert "empty" in str(found[0])
    assert "not text" in str(found[2])
    assert "at most 256" in str(found[3])
    assert list(model.generate([], 5)) == []


def test_a_window_that_slides_is_a_limit() -> None:
    heads = 2
    plan = HeadPlan(1, heads, "equal", (((Share(0), Share(1)),),) * LAYERS)
    model = fair(tiny_models.mistral(24), plan, ((9, 9),) * LAYERS)
    (answer,) = model.generate(["the river " * 12], 9)
    assert "at most 24" in str(answer)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="a gpt2 model cannot be dealt"):
        fair(tiny_models.gpt2(), one_rank(), GENEROUS)
    with pytest.raises(ValueError, match="on 2 ranks, the model has 2 of 4 and runs on 1"):
        fair(tiny_fair.llama(), random_plan(0, 2), GENEROUS)
    with pytest.raises(ValueError, match="take both from one profile"):
        fair(tiny_fair.llama(), one_rank(), ((9,) * HEADS,))
    with pytest.raises(ValueError, match="at least 1 token"):
        fair(tiny_fair.llama(), one_rank(), ((9,) * HEADS, (0,) * HEADS))
    with pytest.raises(ValueError, match="slots must be at least 1"):
        fair(tiny_fair.llama(), one_rank(), GENEROUS, slots=0)


def test_other_budgets_hold_from_the_next_batch_on() -> None:
    model = fair(tiny_fair.llama(), one_rank(), random_budgets(0))
    answers(model, PROMPTS, LIMITS)
    model.deal(one_rank(), random_budgets(1))
    after = answers(model, PROMPTS, LIMITS)
    assert_same(
        after, answers(fair(tiny_fair.llama(), one_rank(), random_budgets(1)), PROMPTS, LIMITS)
    )
