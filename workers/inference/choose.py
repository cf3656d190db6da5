"""Choosing among labels: one forward pass scores all labels of its items exactly.

A row is ``[padding, prompt, tree of labels]``. The mask lets a token see the shared prefix, the
prompt up to itself, and its own label's tokens before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from math import isfinite
from typing import Any

import torch

from workers.inference.base import Choice
from workers.inference.labels import LabelTree
from workers.inference.limits import NOT_FINITE
from workers.inference.prefix import Prefix
from workers.inference.shapes import Shapes


def choose(
    model: Any, rows: Sequence[list[int]], prefix: Prefix, tree: LabelTree, shapes: Shapes
) -> Iterator[tuple[int, Choice | ValueError]]:
    """Yield (index, choice) for each row of prompt tokens, all of which begin with the prefix.

    The order is that of the forward passes. No row may be empty or end with the prefix.
    """
    start = len(prefix.tokens)
    for width, indices in shapes.groups([len(row) - start for row in rows]):
        members = [rows[index][start:] for index in indices]
        filled = members + [members[0][:1]] * (shapes.rows - len(members))
        scores = _score(model, filled, width, prefix, tree)
        for index, values in zip(indices, scores, strict=False):
            yield index, best_label(tree, values, prompt_tokens=len(rows[index]))


def best_label(tree: LabelTree, values: list[float], prompt_tokens: int) -> Choice | ValueError:
    """The first label with the greatest score; a ValueError if a score is no finite number."""
    if not all(map(isfinite, values)):
        return ValueError(NOT_FINITE)
    best = max(range(len(values)), key=values.__getitem__)
    return Choice(tree.labels[best], dict(zip(tree.labels, values, strict=True)), prompt_tokens)


def _score(
    model: Any, rows: Sequence[list[int]], width: int, prefix: Prefix, tree: LabelTree
) -> list[list[float]]:
    """The labels' log-likelihoods for each row, in one forward pass."""
    logits = forward(model, rows, width, prefix, tree)
    logs = logits.float().log_softmax(-1)
    targets = [pair for label in tree.targets for pair in label]
    columns, tokens = (list(side) for side in zip(*targets, strict=True))
    ends = list(accumulate(len(label) for label in tree.tokens))
    spans = list(pairwise([0, *ends]))
    picked: list[list[float]] = logs[:, columns, tokens].tolist()
    return [[sum(values[start:end]) for start, end in spans] for values in picked]


@torch.inference_mode()
def forward(
    model: Any, rows: Sequence[list[int]], width: int, prefix: Prefix, tree: LabelTree
) -> torch.Tensor:
    """Logits [rows, 1 + tree, vocabulary]: after the prompt, and after each token of the tree."""
    ids, positions, mask = layout(rows, width, len(prefix.tokens), tree)
    device, dtype = model.device, model.dtype
    additive = torch.zeros(mask.shape, dtype=dtype).masked_fill_(~mask, torch.finfo(dtype).min)
    logits: torch.Tensor = model(
        ids.to(device),
        attention_mask=additive.to(device),
        position_ids=positions.to(device),
        past_key_values=prefix.cache(len(rows)) if prefix.tokens else None,
        use_cache=bool(prefix.tokens),
        logits_to_keep=1 + len(tree.inputs),
    ).logits
    return logits


def layout(
    rows: Sequence[list[int]], width: int, prefix_tokens: int, tree: LabelTree
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Token ids and positions [rows, width + tree]; mask [rows, 1, width + tree, prefix + both].

    The mask is True where a token (third axis) sees another (fourth). Padding sees itself, so that
    no softmax is over nothing.
    """
    inputs, depths, owners = tree.inputs, tree.depths, tree.owners
    ids = torch.tensor([[0] * (width - len(row)) + row + inputs for row in rows])
    lengths = torch.tensor([len(row) for row in rows])[:, None]
    padding = width - lengths
    prompt = (torch.arange(width) - padding).clamp(min=0)
    branch = lengths - 1 + torch.tensor(depths, dtype=torch.long)
    positions = prefix_tokens + torch.cat([prompt, branch], 1)

    total = width + len(inputs)
    within = torch.ones(total, total, dtype=torch.bool).tril()
    owner = torch.tensor(owners, dtype=torch.long)
    within[width:, width:] &= owner[:, None] == owner[None, :]
    real = torch.arange(total) >= padding
    seen = within & real[:, None, :] | torch.eye(total, dtype=torch.bool)
    before = torch.ones(len(rows), total, prefix_tokens, dtype=torch.bool)
    return ids, positions, torch.cat([before, seen], 2)[:, None]
