"""The task: claims in, the most likely label of each out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pcm

LABELS = ("SUPPORTS", "REFUTES", "NOT ENOUGH INFO")


@pcm.task
def verify(
    llm: Any, claims: Sequence[dict[str, Any]], prompt: str, labels: Sequence[str] = LABELS
) -> Iterator[dict[str, Any] | Exception]:
    """Give each claim the label that the model finds most likely after the prompt.

    ``prompt`` contains ``{claim}`` once, and may contain ``{evidence}`` after it. What stands
    before ``{claim}`` is the same for all claims and is computed once per worker.
    """
    prefix, rest = prompt.split("{claim}")
    texts = [
        claim["claim"] + rest.replace("{evidence}", claim.get("evidence", "")) for claim in claims
    ]
    for choice in llm.choose(texts, [f" {label}" for label in labels], prefix=prefix):
        if isinstance(choice, Exception):
            yield choice
        else:
            scores = {label.strip(): score for label, score in choice.scores.items()}
            yield {"predicted_label": choice.label.strip(), "scores": scores}
