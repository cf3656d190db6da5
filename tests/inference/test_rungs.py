"""Smaller passes are used only where they are proved to give the same bits."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.inference import tiny_models
from tests.inference.conftest import resident
from tests.inference.tiny_models import LABELS, PREFIX, texts
from workers.inference.ladder import fewer_rows
from workers.inference.rungs import decoding_rungs, equal_rungs, halves, scoring_rungs

pytestmark = pytest.mark.models


def test_rungs_are_halves_down_to_the_least() -> None:
    assert list(halves(256)) == [128, 64, 32]
    assert list(halves(100)) == [50]
    assert list(halves(32)) == []


def test_sizes_that_give_the_same_bits_are_rungs() -> None:
    items = torch.rand(16, 3)
    assert equal_rungs(256, halves(256), lambda size: items[: size // 16]) == (128, 64, 32)
    assert equal_rungs(32, fewer_rows(6), lambda _: items) == tuple(fewer_rows(6))


@pytest.mark.parametrize(("other", "rungs"), [(128, ()), (64, (128,)), (32, (128, 64))])
def test_a_size_in_which_one_item_differs_is_none(other: int, rungs: tuple[int, ...]) -> None:
    def trial(size: int) -> torch.Tensor:
        found = torch.arange(float(size // 16 * 3)).reshape(-1, 3)
        if size == other:
            found[-1, 1] += 1e-5
        return found

    assert equal_rungs(256, halves(256), trial) == rungs


def test_what_is_not_finite_proves_nothing() -> None:
    nothing = torch.full((4, 3), float("nan"))
    assert equal_rungs(64, halves(64), lambda size: nothing[: size // 16]) == ()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_an_item_alone_has_the_bits_that_it_has_among_others(dtype: torch.dtype) -> None:
    llm = resident(tiny_models.llama().to(dtype), pass_tokens=256)
    prompts = texts(40, longest_words=12)
    together = list(llm.choose(prompts, LABELS, PREFIX))
    passes: list[int] = []
    forward = llm.model.forward

    def noted(ids: torch.Tensor, **given: Any) -> Any:
        passes.append(ids.shape[1])
        return forward(ids, **given)

    llm.model.forward = noted
    alone = [next(llm.choose([prompt], LABELS, PREFIX)) for prompt in prompts]
    assert alone == together
    assert {*passes} <= {256, *llm.sizes.packing.rungs}
    if llm.sizes.packing.rungs:  # as the machine has it
        assert max(passes) < 256


def test_a_model_whose_bits_depend_on_the_pass_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_models.llama()
    forward = type(model.lm_head).forward

    def by_rows(head: torch.nn.Linear, states: torch.Tensor) -> torch.Tensor:
        return forward(head, states) + 1e-4 * states.shape[1]

    monkeypatch.setattr(type(model.lm_head), "forward", by_rows)
    assert scoring_rungs(model, 256) == ()


def test_a_model_whose_bits_depend_on_the_rows_decodes_in_all_slots(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = tiny_models.llama()
    forward = type(model.lm_head).forward

    def by_rows(head: torch.nn.Linear, states: torch.Tensor) -> torch.Tensor:
        return forward(head, states) + 1e-4 * (states.shape[0] < 16)

    monkeypatch.setattr(type(model.lm_head), "forward", by_rows)
    rungs = decoding_rungs(model, 32)
    assert rungs in ((24, 16), (24,), ())  # as the machine has it
    llm = resident(model, slots=32)
    rows: list[int] = []
    pass_ = llm.model.forward

    def noted(ids: torch.Tensor, **given: Any) -> Any:
        rows.append(ids.shape[0])
        return pass_(ids, **given)

    list(llm.generate(["the river"], 1))  # what is found out at the first use is known
    llm.model.forward = noted
    list(llm.generate(["the river"], 4))
    assert {*rows} <= {1, min((32, *rungs))}


def test_a_models_learnt_positions_may_be_fewer_than_the_trials_prefix() -> None:
    assert 32 not in decoding_rungs(tiny_models.gpt2(), 32)


def test_it_is_tried_once() -> None:
    tried = []

    def prove(tokens: int) -> tuple[int, ...]:
        tried.append(tokens)
        return (32,)

    sizes = resident().sizes
    for _ in range(2):
        sizes.prove_rungs(prove)
    assert tried == [64]
    assert sizes.packing.rungs == (32,)
