"""Small models over random plans of heads, and what every item's logits are on the way."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any
from unittest.mock import patch

import torch
from transformers import Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM

from tests.inference import tiny_models
from tests.inference.tiny_models import texts
from workers.heads.plan import HeadPlan, Share
from workers.inference.base import Generation
from workers.inference.fairkv.budgets import Budgets, Rule
from workers.inference.fairkv.model import FairModel
from workers.inference.next_tokens import grow_all

PROMPTS = texts(9, seed=3, longest_words=30)
LIMITS = [12, 3, 1, 20, 7, 7, 15, 2, 9]
LAYERS, HEADS = 2, 4
RULE = Rule(window_tokens=4, pool_tokens=3)
GENEROUS = ((300,) * HEADS,) * LAYERS
"""More than any text here has."""

Answer = tuple[list[int], torch.Tensor]
"""Tokens, and the logits [tokens, vocabulary] that they were picked by."""


def llama(**changes: Any) -> Any:
    """Four KV heads, each of two query heads."""
    shape: dict[str, Any] = {
        "num_attention_heads": 2 * HEADS,
        "num_key_value_heads": HEADS,
        "hidden_size": 64,
    }
    return tiny_models.llama(**shape, **changes)


def llama_with_biases() -> Any:
    torch.manual_seed(1)
    model = llama(attention_bias=True, mlp_bias=True, tie_word_embeddings=True)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):
                parameter.normal_(std=0.3)
    return model


def qwen(config: Callable[..., Any], model: Callable[..., Any]) -> Any:
    torch.manual_seed(0)
    made = model(
        config(
            **tiny_models._settings(
                num_attention_heads=2 * HEADS, num_key_value_heads=HEADS, hidden_size=64
            )
        )
    )
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if parameter.dim() > 1:
                parameter.mul_(6)
            elif name.endswith("bias"):
                parameter.normal_(std=0.3)
    return made.eval()


MODELS: dict[str, Callable[[], Any]] = {
    "llama": llama,
    "biases": llama_with_biases,
    "qwen2": lambda: qwen(Qwen2Config, Qwen2ForCausalLM),
    "qwen3": lambda: qwen(Qwen3Config, Qwen3ForCausalLM),
}


def random_plan(seed: int, ranks: int) -> HeadPlan:
    """Every head of every layer on one rank or on several, each for a part of the rows."""
    random_ = random.Random(seed)
    layers = []
    for _ in range(LAYERS):
        dealt: list[list[Share]] = [[] for _ in range(ranks)]
        for head in range(HEADS):
            owners = random_.sample(range(ranks), random_.randint(1, ranks))
            cuts = sorted(random_.random() for _ in owners[1:])
            for owner, (start, stop) in zip(owners, pairwise([0.0, *cuts, 1.0]), strict=True):
                dealt[owner].append(Share(head, start, stop))
        layers.append(tuple(tuple(shares) for shares in dealt))
    return HeadPlan(ranks, HEADS, "random", tuple(layers))


def random_budgets(seed: int) -> Budgets:
    random_ = random.Random(seed)
    return tuple(
        tuple(random_.choice([1, 3, 6, 11, 30, 90]) for _ in range(HEADS)) for _ in range(LAYERS)
    )


def one_rank() -> HeadPlan:
    whole = (tuple(Share(head) for head in range(HEADS)),)
    return HeadPlan(1, HEADS, "equal", (whole,) * LAYERS)


def fair(model: Any, plan: HeadPlan, budgets: Budgets, slots: int = 5) -> FairModel:
    return FairModel(
        model, tiny_models.tokenizer(), plan, budgets, slots=slots, pass_tokens=60, rule=RULE
    )


def answers(model: FairModel, prompts: Sequence[str], limits: Sequence[int]) -> list[Answer]:
    """Greedy ones."""
    seen: dict[int, list[torch.Tensor]] = {index: [] for index in range(len(prompts))}

    def grow_and_look(items: Any, logits: torch.Tensor) -> None:
        for item, row in zip(items, logits, strict=True):
            seen[item.index].append(row.clone())
        grow_all(items, logits)

    with patch("workers.inference.fairkv.decoding.grow_all", grow_and_look):
        given = list(model.generate(prompts, limits))
    found = []
    for index, answer in enumerate(given):
        assert isinstance(answer, Generation), answer
        found.append((answer.tokens, torch.stack(seen[index])))
    return found


def assert_same(these: Sequence[Answer], those: Sequence[Answer]) -> None:
    """To rounding."""
    for (tokens, logits), (other_tokens, other_logits) in zip(these, those, strict=True):
        assert tokens == other_tokens
        torch.testing.assert_close(logits, other_logits, rtol=1e-3, atol=1e-3)
