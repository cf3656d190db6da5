"""Attention of a rank's heads: over whole prompts, of which caches keep a part, and over caches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch

from workers.inference.attention import Inputs, attend
from workers.inference.cascade import Pass
from workers.inference.fairkv.budgets import Rule
from workers.inference.fairkv.caches import Caches, HeadCache

Observe = Callable[[int, "Segment", torch.Tensor], None]
"""Told of a layer and a segment the scores [shares, tokens before the window] of this rank's heads;
0 for those that do not serve the segment."""


class Segment(NamedTuple):
    """A prompt of ``tokens`` tokens from token ``start`` of a pass, for this slot."""

    start: int
    tokens: int
    slot: int


class PromptPass(Pass):
    """Prompts one behind the other in a row. Each is attended to by the heads that serve its slot,
    which then keep what the rule says; the others' output is 0."""

    def __init__(
        self,
        caches: Caches,
        segments: Sequence[Segment],
        rule: Rule,
        observe: Observe | None = None,
    ) -> None:
        super().__init__()
        self._caches, self._segments, self._rule = caches, segments, rule
        self._observe = observe

    def attend(self, layer: int, new: Inputs) -> torch.Tensor:
        query, keys, values = new.query[0], new.keys[0], new.values[0]
        shares = keys.shape[0]
        each = query.shape[0] // shares
        out = torch.zeros_like(query)
        for segment in self._segments:
            within = slice(segment.start, segment.start + segment.tokens)
            scores = query.new_zeros(
                shares, max(0, segment.tokens - self._rule.window_tokens), dtype=torch.float32
            )
            for number, head, place in self._caches.serving(layer, segment.slot):
                of_head = slice(number * each, (number + 1) * each)
                asking, own = query[of_head, within], (keys[number, within], values[number, within])
                out[of_head, within] = _causal(asking, *own, new.scale)
                scores[number] = self._rule.scores(asking, own[0][None], new.scale)[0]
                kept = self._rule.kept(scores[number], segment.tokens, head.budget)
                head.begin(place, own[0][kept], own[1][kept])
            if self._observe:
                self._observe(layer, segment, scores)
        return out[None]


def _causal(
    query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, scale: float
) -> torch.Tensor:
    """[heads, tokens, dim] for a query of that shape over one head's keys [tokens, dim]."""
    keys, values = (part.expand(len(query), -1, -1)[None] for part in (keys, values))
    return attend(Inputs(query[None], keys, values, scale, causal=True))[0][0]


class DecodePass(Pass):
    """One token of every item, written to the caches and attended to head by head: three calls
    for all rows that a share serves, in time proportional to the tokens that its head has. Rows
    that it does not serve get 0 from it."""

    def __init__(self, caches: Caches) -> None:
        super().__init__()
        self._caches = caches

    def attend(self, layer: int, new: Inputs) -> torch.Tensor:
        heads = self._caches.layers[layer]
        count, all_heads, _, dim = new.query.shape
        query = new.query.view(count, len(heads), all_heads // len(heads), dim)
        out = torch.zeros_like(query)
        for number, head in enumerate(heads):
            if head.rows.items:
                part = new.keys[:, number, 0], new.values[:, number, 0]
                _decode(head, query[:, number], *part, new.scale, out[:, number])
        return out.view(count, all_heads, 1, dim)


def _decode(
    head: HeadCache,
    query: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    scale: float,
    out: torch.Tensor,
) -> None:
    """Write one token's keys and values [batch, dim], and to ``out`` the attention of the query
    [batch, heads, dim]; of the rows that are served."""
    rows, count = head.rows, len(head.rows)
    if rows.rows is not None:
        query, keys, values = query[rows.rows], keys[rows.rows], values[rows.rows]
    written = rows.written + head.budget
    head.keys[rows.places, :, written] = keys
    head.values[rows.places, written] = values
    first, width = max(0, head.budget - rows.longest), head.budget + rows.answer_width
    seen = head.keys[:count, :, first:width]
    if rows.shortest >= head.budget:  # nothing that is read is hidden from any item
        scores = torch.bmm(query * scale, seen)
    else:
        ahead = rows.widest - head.budget
        bias = rows.bias[:count, None, ahead + first : ahead + width]
        scores = torch.baddbmm(bias, query, seen, alpha=scale)
    weights = scores.softmax(-1, dtype=torch.float32).to(values.dtype)
    found = torch.bmm(weights, head.values[:count, first:width])
    if rows.rows is None:
        out.copy_(found)
    else:
        out[rows.rows] = found
