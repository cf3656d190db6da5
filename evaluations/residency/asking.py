"""The contexts that take turns, and the question that each of them answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pcm
from evaluations.cold_start import models

IMPORTS = (*models.IMPORTS, "evaluations.residency.asking")
QUESTION = "The river flows"
LABELS = (" yes", " no")
"""Short: what is timed is the change, not the arithmetic of a long text."""


def load(model: str, dtype: str) -> Any:
    """The language model itself, which can leave the accelerator."""
    return pcm.language_model(model, dtype=dtype).load()


def answer(llm: Any, items: Sequence[str]) -> Iterator[list[Any]]:
    """The label, and the scores to the bit."""
    for choice in llm.choose(items, LABELS):
        yield [choice.label, [score.hex() for score in choice.scores.values()]]
