"""The same answers by plain transformers: one text, one label, one forward pass, no cache."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch


@torch.inference_mode()
def score_labels(model: Any, tokenizer: Any, text: str, labels: Sequence[str]) -> dict[str, float]:
    """The log-likelihood of each label as the continuation of the text."""
    scores = {}
    prompt = tokenizer(text)["input_ids"]
    for label in labels:
        tokens = tokenizer(label, add_special_tokens=False)["input_ids"]
        logs = model(torch.tensor([prompt + tokens])).logits[0].float().log_softmax(-1)
        steps = enumerate(tokens, start=len(prompt) - 1)
        scores[label] = sum(logs[at, token].item() for at, token in steps)
    return scores
