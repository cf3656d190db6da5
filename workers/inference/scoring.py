"""From rows of tokens to choices: within the memory there is, normalised as asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from math import isfinite
from typing import Any

import torch

from workers.inference.base import Choice, Normalisation
from workers.inference.choose import Scores, score
from workers.inference.labels import LabelTree
from workers.inference.limits import NOT_FINITE
from workers.inference.memory import Sizes
from workers.inference.prefix import Prefix
from workers.inference.rungs import scoring_rungs


def score_within_memory(
    model: Any, rows: Sequence[list[int]], prefix: Prefix, tree: LabelTree, sizes: Sizes
) -> Iterator[tuple[int, Scores]]:
    """As `score`. When memory runs out, what is left goes on in passes of half the size, which
    ``sizes`` keeps."""
    left = dict(enumerate(rows))
    while left:
        keys = list(left)
        try:
            sizes.prove_rungs(partial(scoring_rungs, model))
            for at, scores in score(model, list(left.values()), prefix, tree, sizes.packing):
                del left[keys[at]]
                yield keys[at], scores
        except Exception as error:
            if not sizes.ran_out(error) or not sizes.halve_passes():
                raise
        if left and model.device.type == "cuda":
            torch.cuda.empty_cache()


def normalised(scores: Scores, tree: LabelTree, normalisation: Normalisation) -> Scores:
    """Scores as they are, or per token. Raises ValueError for another normalisation."""
    if normalisation == "sum":
        return scores
    if normalisation == "mean":
        return [value / len(tokens) for value, tokens in zip(scores, tree.tokens, strict=True)]
    raise ValueError(f'normalisation must be "sum" or "mean", not {normalisation!r}')


def best_label(tree: LabelTree, values: Scores, prompt_tokens: int) -> Choice | ValueError:
    """The first label with the greatest score; a ValueError if a score is no finite number."""
    if not all(map(isfinite, values)):
        return ValueError(NOT_FINITE)
    best = max(range(len(values)), key=values.__getitem__)
    return Choice(tree.labels[best], dict(zip(tree.labels, values, strict=True)), prompt_tokens)
