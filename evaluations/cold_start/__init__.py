"""How long until the first answer: a worker that is up, a new one, and plain transformers.

A model of 135 million parameters with seeded weights is made in a temporary folder, stored as
float32 and as bfloat16. Timed are, in turn: pcm on a worker whose template has imported the
libraries, with the files in the page cache and without; pcm with a worker that has yet to start;
and a new process with ``from_pretrained``. All of them answer the same question with the same
model. Orders are counted from the call of ``map``, so the journal of a run is in them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from evaluations.base import Target
from evaluations.cold_start.measuring import measure
from evaluations.cold_start.plan import FULL, QUICK


def evaluate(say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    """All of it, a minute or two."""
    return measure(FULL, say)


def quick(say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    """One round of one kind with a tiny model."""
    return measure(QUICK, say)
