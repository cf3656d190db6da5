"""Choosing among labels: one forward pass scores all labels of its items exactly.

Items are packed one behind the other: each is its prompt's own part and the tree of labels. A
token sees the shared prefix, the prompt up to itself, and its own label's tokens before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch

from workers.inference.cascade import Packed, Run, no_mask, running
from workers.inference.labels import LabelTree
from workers.inference.packing import Packing
from workers.inference.prefix import Prefix

Scores = list[float]
"""The log-likelihood of each label."""


def score(
    model: Any, rows: Sequence[list[int]], prefix: Prefix, tree: LabelTree, packing: Packing
) -> Iterator[tuple[int, Scores]]:
    """Yield (index, scores) for each row of prompt tokens, all of which begin with the prefix.

    The order is that of the forward passes. No row may be empty or end with the prefix.
    """
    start, extra = len(prefix.tokens), len(tree.inputs)
    lengths = [len(row) - start + extra for row in rows]
    for tokens, indices in packing.passes(lengths, 1 + extra):
        members = sorted(indices, key=lambda index: lengths[index])
        layout = lay_out([rows[index][start:] for index in members], start, tree, packing, model)
        asked = packing.asked(tokens, 1 + extra, len(members))
        logits = forward(model, layout, tokens, asked, prefix)
        yield from zip(members, _scores(logits, tree), strict=True)


@dataclass(frozen=True)
class Layout:
    """Items one behind the other: ``ids`` and ``positions`` of their tokens, which of these are
    asked for the next token (``asked``, as many for every item), and how each attends."""

    ids: list[int]
    positions: list[int]
    asked: list[int]
    runs: list[Run]


def lay_out(
    rows: Sequence[list[int]], before: int, tree: LabelTree, packing: Packing, model: Any
) -> Layout:
    """Rows of prompt tokens, sorted by length, after ``before`` tokens that all share."""
    layout = Layout([], [], [], [])
    extra = len(tree.inputs)
    for width, group in groupby(rows, key=lambda row: packing.width(len(row) + extra)):
        members, start = list(group), len(layout.ids)
        for row in members:
            last = len(layout.ids) + len(row) - 1
            padding = [0] * (width - len(row) - extra)
            layout.asked.extend(range(last, last + 1 + extra))
            layout.ids.extend([*row, *tree.inputs, *padding])
            layout.positions.extend(range(before, before + len(row)))
            layout.positions.extend(before + len(row) - 1 + depth for depth in tree.depths)
            layout.positions.extend(padding)
        bias = None
        if extra:
            seen = torch.stack([_seen(len(row), width, tree) for row in members])[:, None]
            bias = torch.zeros(seen.shape, dtype=model.dtype).masked_fill_(~seen, float("-inf"))
            bias = bias.to(model.device)
        layout.runs.append(Run(start, len(members), width, bias))
    return layout


def _seen(prompt: int, width: int, tree: LabelTree) -> torch.Tensor:
    """Which token (first axis) of an item sees which other [width, width]."""
    seen = torch.ones(width, width, dtype=torch.bool).tril()
    end = prompt + len(tree.inputs)
    seen[prompt:end, prompt:end] = torch.tensor(tree.sees)
    return seen


@torch.inference_mode()
def compute(model: Any, layout: Layout, tokens: int, asked: int, packed: Packed) -> torch.Tensor:
    """Logits of the tokens that the layout asks for [asked, vocabulary], by a pass of ``tokens``
    tokens that computes those of ``asked`` tokens."""
    padding = [0] * (tokens - len(layout.ids))
    unused = [0] * (asked - len(layout.asked))
    ids, positions, kept = (
        torch.tensor(column, device=model.device)
        for column in (layout.ids + padding, layout.positions + padding, layout.asked + unused)
    )
    with running(model, packed):
        logits: torch.Tensor = model(
            ids[None],
            attention_mask=no_mask(model),
            position_ids=positions[None],
            use_cache=False,
            logits_to_keep=kept,
        ).logits
    return logits[0, : len(layout.asked)]


def forward(model: Any, layout: Layout, tokens: int, asked: int, prefix: Prefix) -> torch.Tensor:
    """The same in float32, [items, 1 + tree, vocabulary]."""
    asked_each = len(layout.asked) // sum(run.count for run in layout.runs)
    logits = compute(model, layout, tokens, asked, Packed(prefix, layout.runs))
    return logits.reshape(-1, asked_each, logits.shape[-1]).float()


def _scores(logits: torch.Tensor, tree: LabelTree) -> list[Scores]:
    """The labels' log-likelihoods for each item."""
    columns, targets = zip(*(pair for label in tree.targets for pair in label), strict=True)
    logs = logits[:, list(columns), list(targets)] - logits.logsumexp(-1)[:, list(columns)]
    scores = []
    for picked in logs.tolist():
        values = iter(picked)
        scores.append([sum(next(values) for _ in label) for label in tree.tokens])
    return scores
