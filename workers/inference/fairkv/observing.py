"""What the rule gives each head, over prompts that are computed: at work, and to make a profile."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from workers.heads.profile import HeadProfile
from workers.inference.fairkv.attending import Segment
from workers.inference.fairkv.budgets import Rule
from workers.inference.fairkv.collectives import summed
from workers.inference.fairkv.shards import Shares


class Observer:
    """Counts by layer and head for a mean budget, summed over prompts. It is told by a pass's
    ``observe``; every rank makes the same calls and has the same counts."""

    def __init__(self, rule: Rule, budget_tokens: int, layers: int, heads: int) -> None:
        self._rule, self._budget = rule, budget_tokens
        self._sums = np.zeros((layers, heads))
        self._shares: Shares = []
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self._sums[:] = 0
        self.prompts = self.tokens = 0

    def look_with(self, shares: Shares) -> None:
        """From now on this rank's heads are these."""
        self._shares = shares

    def __call__(self, layer: int, segment: Segment, scores: torch.Tensor) -> None:
        """``scores`` [shares, tokens before the window] of this rank's shares."""
        whole = scores.new_zeros(self._sums.shape[1], scores.shape[1])
        for share, own in zip(self._shares[layer], scores, strict=True):
            whole[share.head] += own
        self._sums[layer] += self._rule.counts(summed(whole), segment.tokens, self._budget)
        if layer == 0:
            self.prompts += 1
            self.tokens += segment.tokens

    def means(self) -> NDArray[np.float64]:
        """[layers, heads]. Raises ValueError if no prompt was seen."""
        if not self.prompts:
            raise ValueError("no prompt was seen, of which a profile could be made")
        return self._sums / self.prompts

    def profile(self, model: str, head_bytes: int = 0) -> HeadProfile:
        """The means, of a model of this name. Raises ValueError if no prompt was seen."""
        kept = tuple(tuple(float(tokens) for tokens in layer) for layer in self.means())
        prompt_tokens = round(self.tokens / self.prompts)
        return HeadProfile(model, self._budget, self.prompts, prompt_tokens, kept, head_bytes)
