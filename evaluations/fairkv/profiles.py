"""What the heads of several models would keep, by the published rule on attention made up here.

No model is loaded. Of each KV head, the sorted scores of a prompt's tokens fall as a power, ``place
** -steepness``, and sum to the head's *mass*: what it does not spend on the prompt's first token
and on its own neighbours. Steepness (normal) and mass (logit-normal) differ from head to head, and
a little from prompt to prompt. What heads keep is what Ada-SnapKV gives them (Ada-KV, arXiv
2407.11550): of the scores of all heads of a layer the largest are kept, ``budget_tokens`` per head
in the mean, and each head has a part of that for certain, the floor. That heads keep strongly
unequal numbers is what Ada-KV and FairKV (arXiv 2502.15804) report; how unequal these are, as the
utilisation of the equal split, is in the evaluation's figures beside all that is made of them.
Shapes are those of the models' published configurations.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from workers.heads.profile import HeadProfile

BUDGETS = (128, 256, 512, 1024, 2048)
FLOOR = 0.2
"""Of the budget, each head's for certain (Ada-KV's alpha)."""
PROMPTS = 8
PROMPT_TOKENS = 8192
STEEPNESS = (1.0, 0.3)
"""Mean and deviation over heads."""
STEEPNESS_RANGE = (0.2, 2.5)
MASS_LOGIT = (-1.0, 1.5)
"""Mean and deviation over heads."""
WAVERING = 0.05
"""Deviation of a head's steepness, and of its mass' logit, over prompts."""
HALVINGS = 40
NUMBER_BYTES = 2


class Shape(NamedTuple):
    """``heads``: KV heads, each read by ``group`` query heads."""

    layers: int
    heads: int
    group: int
    hidden: int
    head_size: int

    @property
    def head_bytes(self) -> int:
        """Of the weights of a KV head and its query heads: their parts of q, k, v and o."""
        return NUMBER_BYTES * self.hidden * self.head_size * (2 * self.group + 2)


SHAPES = {
    "Llama-3.1-8B": Shape(32, 8, 4, 4096, 128),
    "Mistral-Small-24B": Shape(40, 8, 4, 5120, 128),
    "Llama-3.3-70B": Shape(80, 8, 8, 8192, 128),
    "Gemma-2-27B": Shape(46, 16, 2, 4608, 128),
    "Llama-2-7B": Shape(32, 32, 1, 4096, 128),
    "Llama-2-13B": Shape(40, 40, 1, 5120, 128),
    "Llama-65B": Shape(80, 64, 1, 8192, 128),
}


def profile_of(model: str, budget_tokens: int) -> HeadProfile:
    """The same each time."""
    shape = SHAPES[model]
    rng = np.random.default_rng([shape.layers, shape.heads, shape.hidden])
    size = (shape.layers, shape.heads)
    steepness, logit = rng.normal(*STEEPNESS, size), rng.normal(*MASS_LOGIT, size)
    kept = np.zeros(size)
    for _ in range(PROMPTS):
        now = np.clip(steepness + rng.normal(0, WAVERING, size), *STEEPNESS_RANGE)
        mass = 1 / (1 + np.exp(-logit - rng.normal(0, WAVERING, size)))
        kept += np.round(kept_tokens(now, mass, budget_tokens)) / PROMPTS
    rows = tuple(map(tuple, kept.tolist()))
    return HeadProfile(model, budget_tokens, PROMPTS, PROMPT_TOKENS, rows, shape.head_bytes)


def kept_tokens(
    steepness: NDArray[np.float64], mass: NDArray[np.float64], budget_tokens: int
) -> NDArray[np.float64]:
    """[layers, heads], in the mean of a layer ``budget_tokens``, for scores that fall so steeply
    from the most to the least and have such a sum."""
    places = np.arange(1, PROMPT_TOKENS + 1, dtype=np.float64)
    sums = (places ** -steepness[..., None]).sum(axis=-1)

    def above(score: NDArray[np.float64]) -> NDArray[np.float64]:
        """Tokens of a head with this score or a larger one."""
        last: NDArray[np.float64] = (score * sums / mass) ** (-1 / steepness)
        return last.clip(0, PROMPT_TOKENS)

    low, high = np.full((len(steepness), 1), -40.0), np.zeros((len(steepness), 1))  # logarithms
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        many = above(np.exp(middle)).mean(axis=1, keepdims=True) > budget_tokens
        low, high = np.where(many, middle, low), np.where(many, high, middle)
    return FLOOR * budget_tokens + (1 - FLOOR) * above(np.exp(high))
