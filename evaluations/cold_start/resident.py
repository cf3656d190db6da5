"""The same question to pcm, timed by part in the replica itself."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil

import pcm
from evaluations.cold_start import models

IMPORTS = (*models.IMPORTS, "evaluations.cold_start.resident")
HALF_AND_MORE = int(psutil.virtual_memory().total * 0.6)
"""What both contexts need of a worker's memory, so that one goes when the other comes."""


@pcm.context(imports=IMPORTS, files=(), memory=HALF_AND_MORE)
def timed_model(model: str, dtype: str) -> tuple[Any, list[float]]:
    """A language model, and when its loader began and ended."""
    begun = time.monotonic()
    return pcm.language_model(model, dtype=dtype).load(), [begun, time.monotonic()]


@pcm.context(imports=IMPORTS, memory=HALF_AND_MORE)
def libraries() -> None:
    """Nothing but the imports, and the room of the model before."""


@pcm.task
def timed_answer(
    context: tuple[Any, list[float]], items: Sequence[str], labels: Sequence[str]
) -> Iterator[tuple[str, list[float]]]:
    """The label, and when: loader began and ended, task began, answer there."""
    llm, marks = context
    for item in items:
        begun = time.monotonic()
        (choice,) = llm.choose([item], labels)
        yield choice.label, [*marks, begun, time.monotonic()]


@pcm.task
def come_and_go(_: Any, items: Sequence[int]) -> list[int]:
    """Gives the items back."""
    return list(items)


def answer(
    manager: pcm.Manager, model: Path, dtype: str, prompt: str, labels: tuple[str, ...]
) -> tuple[str, dict[str, float]]:
    """The label, and seconds by part; their sum under ``total``."""
    begun = time.monotonic()
    recipe = timed_model(str(model), dtype)
    run = manager.map(timed_answer.bind(labels=list(labels)), [prompt], context=recipe)
    (row,) = run
    ended = time.monotonic()
    label, (loader, loaded, task, answered) = row.result()
    parts = {
        "order and fork": loader - begun,
        "load": loaded - loader,
        "warm to task": task - loaded,
        "first answer": answered - task,
        "row": ended - answered,
    }
    return label, parts | {"total": ended - begun}


def make_room(manager: pcm.Manager) -> None:
    """Have the worker's template import the libraries, and the model's process ended."""
    list(manager.map(come_and_go, [0], context=libraries()))
