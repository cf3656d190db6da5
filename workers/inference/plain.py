"""The plain way to score labels, and the check by which a model is found to need it.

Some models do not take attention or positions of our choosing (recurrent layers, biases by
distance, attention with additions). They are served one label at a time.
"""

from __future__ import annotations

from math import isfinite
from typing import Any

import torch

from workers.inference.choose import Scores, score
from workers.inference.labels import LabelTree
from workers.inference.packing import Packing
from workers.inference.prefix import NOTHING, compute_prefix

PROBE = (3, 5, 7, 5, 11, 3, 7)
PROBE_LABELS = LabelTree(("a", "b", "c"), ((5, 3, 7), (11, 7), (5, 7)))


@torch.inference_mode()
def score_plainly(model: Any, row: list[int], tree: LabelTree) -> Scores:
    """One forward pass per label over the whole row, by the model's own mask and positions."""
    scores = []
    for tokens in tree.tokens:
        ids = torch.tensor([[*row, *tokens[:-1]]], device=model.device)
        logits = model(ids, use_cache=False).logits[0, len(row) - 1 :]
        logs = logits.float().log_softmax(-1)
        scores.append(sum(logs[range(len(tokens)), list(tokens)].tolist()))
    return scores


def takes_cascades(model: Any) -> bool:
    """Whether the model scores a tree behind a shared prefix as it scores its labels alone."""
    size = model.config.get_text_config(decoder=True).vocab_size
    row = [token % size for token in PROBE]
    tolerance = 1e-3 if model.dtype == torch.float32 else 0.5
    packing = Packing(tokens=64)
    try:
        prefix = compute_prefix(model, row[:3])
        tried = [
            *score(model, [row, row[:5]], prefix, PROBE_LABELS, packing),
            *score(model, [row, row[:5]], NOTHING, PROBE_LABELS, packing),
        ]
    except torch.OutOfMemoryError:
        raise
    except (TypeError, ValueError, AttributeError, IndexError, KeyError, RuntimeError):
        return False
    plain = [score_plainly(model, part, PROBE_LABELS) for part in (row, row[:5])]
    if not all(map(isfinite, plain[0])):
        return True  # one way is as good as another
    return all(
        abs(value - expected) <= tolerance
        for index, values in tried
        for value, expected in zip(values, plain[index], strict=True)
    )
