"""How many tokens each KV head keeps of a prompt, and which: the rules of SnapKV and of Ada-KV.

SnapKV (Li et al. 2024, arXiv 2404.14469): the last queries of a prompt tell by their attention
which of the tokens before them will be asked for. Ada-KV (Feng et al. 2024, arXiv 2407.11550): a
layer's heads compete for one budget by these scores, so that heads whose attention is spread out
keep more; each is left a floor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn.functional import max_pool1d

from workers.heads.profile import HeadProfile

Budgets = tuple[tuple[int, ...], ...]
"""Tokens that are kept of a prompt, by layer and KV head."""


@dataclass(frozen=True)
class Rule:
    """``window_tokens`` at the end of a prompt are always kept, and their queries score the tokens
    before; scores are the largest within ``pool_tokens`` (odd), so that neighbours are kept
    together. ``floor_share`` of the mean budget is every head's own."""

    window_tokens: int = 32
    pool_tokens: int = 7
    floor_share: float = 0.2

    def __post_init__(self) -> None:
        if self.window_tokens < 1 or self.pool_tokens < 1 or self.pool_tokens % 2 == 0:
            raise ValueError("window_tokens must be at least 1, pool_tokens odd and at least 1")
        if not 0 <= self.floor_share <= 1:
            raise ValueError(f"floor_share must be from 0 to 1, not {self.floor_share}")

    def scores(self, query: torch.Tensor, keys: torch.Tensor, scale: float) -> torch.Tensor:
        """[key heads, tokens before the window] in float32, for a prompt's query [heads, tokens,
        dim] and keys [key heads, tokens, dim]; the mean over a key head's query heads."""
        key_heads, tokens, dim = keys.shape
        window = min(self.window_tokens, tokens)
        last = query[:, -window:].reshape(key_heads, -1, dim).float()
        seen = last @ keys.float().transpose(1, 2) * scale
        ahead = torch.ones(window, window, dtype=torch.bool, device=keys.device).triu(1)
        own = seen.view(key_heads, -1, window, tokens)[..., tokens - window :]
        own.masked_fill_(ahead, float("-inf"))
        before = seen.softmax(-1).mean(1)[:, : tokens - window]
        if not before.shape[1]:
            return before
        return max_pool1d(before, self.pool_tokens, stride=1, padding=self.pool_tokens // 2)

    def counts(self, scores: torch.Tensor, tokens: int, budget_tokens: int) -> list[int]:
        """How many of a prompt's ``tokens`` each head keeps, the window included, where a layer's
        heads, of these `scores`, keep ``budget_tokens`` on average. Raises ValueError if the budget
        does not exceed the window."""
        heads, before = scores.shape
        each = budget_tokens - self.window_tokens
        if each < 1:
            raise ValueError(
                f"a budget of {budget_tokens} tokens leaves nothing beside the window of "
                f"{self.window_tokens}; give more"
            )
        if before <= each:
            return [tokens] * heads
        best = scores.flatten().topk(heads * each).indices // before
        found = torch.bincount(best, minlength=heads).tolist()
        floor = self.floor_share
        return [self.window_tokens + round((1 - floor) * count + floor * each) for count in found]

    def kept(self, scores: torch.Tensor, tokens: int, budget_tokens: int) -> torch.Tensor:
        """Which of a prompt's ``tokens`` a head keeps, in their order: by its scores [tokens before
        the window], where it keeps so many; all of a shorter prompt."""
        chosen = min(max(0, budget_tokens - self.window_tokens), len(scores))
        # Pooled scores of neighbours are equal: of these the first, on every rank.
        best = scores.sort(descending=True, stable=True).indices[:chosen].sort().values
        window = min(self.window_tokens, budget_tokens, tokens)
        return torch.cat([best, torch.arange(tokens - window, tokens, device=best.device)])


def at_work(profile: HeadProfile) -> Budgets:
    """What each head keeps of every item: the profile's mean, at least one token. Which tokens
    these are follows from the item; how many does not, so loads are what was planned."""
    return tuple(tuple(max(1, round(tokens)) for tokens in layer) for layer in profile.kept)


def attended(budgets: Budgets, prompt_tokens: Sequence[int]) -> list[list[float]]:
    """Mean tokens that heads have of prompts of these lengths, by layer and head."""
    count = max(1, len(prompt_tokens))
    return [
        [sum(min(budget, tokens) for tokens in prompt_tokens) / count for budget in layer]
        for layer in budgets
    ]
