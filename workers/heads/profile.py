"""What every KV head of a model keeps, as a profiling pass measured it; a JSON file."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from workers.heads.document import Document


class HeadProfile(Document, frozen=True):
    """``kept``: mean tokens that were kept, by layer and KV head. ``budget_tokens``: the mean per
    head that was asked for. ``head_bytes``: the weights of one KV head of one layer with its query
    heads (its part of the q, k, v and o projections), which is what a copy takes; 0: not known.
    Raises ValueError unless there are layers of equally many heads that keep some tokens."""

    WHAT = "profile of heads"
    MEND = "write it anew by a profiling pass over prompts"

    model: str
    budget_tokens: int
    prompts: int
    prompt_tokens: int
    kept: tuple[tuple[float, ...], ...]
    head_bytes: int = 0

    def __post_init__(self) -> None:
        if not self.kept or not self.kept[0]:
            raise ValueError("kept: there is no layer with a head")
        heads = len(self.kept[0])
        for layer, row in enumerate(self.kept):
            if len(row) != heads:
                raise ValueError(f"kept: layer {layer} has {len(row)} heads, layer 0 has {heads}")
            for head, tokens in enumerate(row):
                if not math.isfinite(tokens) or tokens < 0:
                    raise ValueError(f"kept: layer {layer}, head {head} keeps {tokens} tokens")
            if not any(row):
                raise ValueError(f"kept: no head of layer {layer} keeps a token")
        if min(self.budget_tokens, self.prompts, self.prompt_tokens, self.head_bytes) < 0:
            raise ValueError("budget_tokens, prompts, prompt_tokens and head_bytes: not below 0")

    def loads(self) -> NDArray[np.float64]:
        """[layers, heads], in tokens."""
        return np.array(self.kept, dtype=np.float64)
