"""An item's answer is the same to the bit whatever is beside it, and wherever it stands."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch

from tests.inference import tiny_models
from tests.inference.conftest import resident
from tests.inference.tiny_models import LABELS, PREFIX, texts

pytestmark = pytest.mark.models
DTYPES = [torch.float32, torch.bfloat16]


def compositions(count: int, seed: int) -> list[list[int]]:
    """Random selections of the items in random order, and each item alone."""
    random_ = random.Random(seed)
    some = [random_.sample(range(count), random_.randint(2, count)) for _ in range(12)]
    return [list(range(count)), *some, *([index] for index in range(0, count, 5))]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("pass_tokens", [32, 64, 256])
@pytest.mark.parametrize("prefix", ["", PREFIX])
def test_scores_do_not_depend_on_neighbours(
    dtype: torch.dtype, pass_tokens: int, prefix: str
) -> None:
    llm = resident(tiny_models.llama(dtype=dtype), pass_tokens=pass_tokens)
    prompts = texts(25, seed=pass_tokens)
    alone: dict[int, Any] = {}
    for chosen in compositions(len(prompts), seed=pass_tokens):
        for index, choice in zip(
            chosen, llm.choose([prompts[i] for i in chosen], LABELS, prefix), strict=True
        ):
            assert alone.setdefault(index, choice) == choice


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize(("slots", "prefix"), [(3, ""), (32, ""), (32, PREFIX)])
def test_generations_do_not_depend_on_neighbours(
    dtype: torch.dtype, temperature: float, slots: int, prefix: str
) -> None:
    llm = resident(tiny_models.llama(dtype=dtype), slots=slots)
    prompts = texts(12, seed=1, longest_words=12)
    limits = [random.Random(i).randint(1, 90) for i in range(len(prompts))]
    known: dict[int, Any] = {}
    for chosen in compositions(len(prompts), seed=2)[:9]:
        answers = llm.generate(
            [prompts[i] for i in chosen],
            [limits[i] for i in chosen],
            temperature,
            seed=[100 + i for i in chosen],
            prefix=prefix,
        )
        for index, answer in zip(chosen, answers, strict=True):
            assert known.setdefault(index, answer) == answer
