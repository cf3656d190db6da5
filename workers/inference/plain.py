"""The plain way to score labels, and the check by which a model is found to need it.

Some models do not take a mask of our making or positions of our choosing (recurrent layers, biases
by distance). They are served one label at a time.
"""

from __future__ import annotations

from typing import Any

import torch

from workers.inference.base import Choice
from workers.inference.choose import best_label, choose
from workers.inference.labels import LabelTree
from workers.inference.prefix import NOTHING, compute_prefix
from workers.inference.shapes import Shapes

PROBE = (3, 5, 7, 5, 11, 3, 7)
PROBE_LABELS = LabelTree(("a", "b"), ((5, 3, 7), (11, 7)))


@torch.inference_mode()
def choose_plainly(model: Any, row: list[int], tree: LabelTree) -> Choice | ValueError:
    """One forward pass per label over the whole row, by the model's own mask and positions."""
    scores = []
    for tokens in tree.tokens:
        ids = torch.tensor([[*row, *tokens[:-1]]], device=model.device)
        logits = model(ids, use_cache=False).logits[0, len(row) - 1 :]
        logs = logits.float().log_softmax(-1)
        scores.append(sum(logs[range(len(tokens)), list(tokens)].tolist()))
    return best_label(tree, scores, prompt_tokens=len(row))


def takes_trees(model: Any) -> bool:
    """Whether the model scores a tree behind a prefix as it scores its labels alone."""
    size = model.config.get_text_config(decoder=True).vocab_size
    row = [token % size for token in PROBE]
    tolerance = 1e-3 if model.dtype == torch.float32 else 0.5
    try:
        prefix = compute_prefix(model, row[:3])
        ((_, tried),) = choose(model, [row], prefix, PROBE_LABELS, Shapes(rows=1, unit=16))
        ((_, alone),) = choose(model, [row], NOTHING, PROBE_LABELS, Shapes(rows=1, unit=1))
    except torch.OutOfMemoryError:
        raise
    except (TypeError, ValueError, AttributeError, IndexError, RuntimeError):
        return False
    plain = choose_plainly(model, row, PROBE_LABELS)
    if not isinstance(plain, Choice):
        return True  # one way is as good as another
    return all(
        isinstance(choice, Choice) and abs(plain.scores[label] - choice.scores[label]) <= tolerance
        for choice in (tried, alone)
        for label in plain.scores
    )
