"""All measurements of a run, and what is expected of them."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import pcm
from evaluations.base import Target, at_least, at_most, spread
from evaluations.cold_start import models, page_cache, plain, resident
from evaluations.cold_start.plan import Plan

PROMPT = "The river flows"
LABELS = (" yes", " no")
"""Short: what is timed is the start, not the arithmetic of a long text."""
ASKED = (PROMPT, LABELS)

Parts = dict[str, float]
Rounds = dict[str, list[Parts]]
"""By kind."""


def measure(plan: Plan, say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    """Figures by kind and by part, in seconds; and what is expected of them."""
    with tempfile.TemporaryDirectory(prefix="pcm-cold-start-") as place:
        say(f"making a model of {plan.layers} layers")
        found = models.make(Path(place), layers=plan.layers, hidden=plan.hidden, tokens=plan.tokens)
        warm, cold, bare, reading = _on_a_worker_that_is_up(found, plan, say)
        say("a worker that has yet to start")
        fresh = {
            name: [_on_a_new_worker(found[stored], dtype)]
            for name, (stored, dtype) in plan.kinds.items()
        }
        size_bytes = {name: models.weight_bytes(directory) for name, directory in found.items()}
    figures = {
        "weights_bytes": size_bytes,
        "read_seconds_cold": {name: spread(v) for name, v in reading.items() if v},
        "up_warm_files": {name: _by_part(parts) for name, parts in warm.items()},
        "up_cold_files": {name: _by_part(parts) for name, parts in cold.items()},
        "new_worker_warm_files": {name: _by_part(parts) for name, parts in fresh.items()},
        "plain_warm_files": {name: _by_part(parts) for name, parts in bare.items()},
    }
    targets = []
    for name, (stored, _) in plan.kinds.items():
        total = _middle(warm[name], "total")
        targets += [
            at_most(f"{name}: first answer on a worker that is up, s", total, 0.4),
            at_most(
                f"{name}: cold files, times the reading of the bytes",
                _middle(cold[name], "total") / median(reading[stored]),
                1.3,
            ),
            at_least(
                f"{name}: plain from_pretrained in a new process, times as long",
                _middle(bare[name], "total") / total,
                5,
            ),
        ]
    return figures, targets


def _on_a_worker_that_is_up(
    found: dict[str, Path], plan: Plan, say: Callable[[str], None]
) -> tuple[Rounds, Rounds, Rounds, dict[str, list[float]]]:
    """Interleaved, so that what else the machine does befalls all alike."""
    warm: Rounds = {name: [] for name in plan.kinds}
    cold: Rounds = {name: [] for name in plan.kinds}
    bare: Rounds = {name: [] for name in plan.kinds}
    reading: dict[str, list[float]] = {name: [] for name in found}
    with pcm.Manager(workers=1) as manager:
        for number in range(plan.rounds):
            for name, (stored, dtype) in plan.kinds.items():
                say(f"round {number + 1} of {plan.rounds}: {name}")
                model = found[stored]
                label, parts = plain.answer(model, dtype, *ASKED)
                bare[name].append(parts)
                resident.make_room(manager)
                page_cache.read_seconds(model)
                warm[name].append(_checked(label, resident.answer(manager, model, dtype, *ASKED)))
                resident.make_room(manager)
                page_cache.drop(model)
                reading[stored].append(page_cache.read_seconds(model))
                page_cache.drop(model)
                cold[name].append(_checked(label, resident.answer(manager, model, dtype, *ASKED)))
    return warm, cold, bare, reading


def _on_a_new_worker(model: Path, dtype: str) -> Parts:
    page_cache.read_seconds(model)
    begun = time.monotonic()
    with pcm.Manager(workers=1) as manager:
        started = time.monotonic()
        _, parts = resident.answer(manager, model, dtype, *ASKED)
    begin = {"manager": started - begun}
    return begin | parts | {"total": parts["total"] + begin["manager"]}


def _checked(expected: str, answered: tuple[str, Parts]) -> Parts:
    label, parts = answered
    if label != expected:
        raise RuntimeError(f"pcm answered {label!r}, transformers {expected!r}")
    return parts


def _by_part(measured: list[Parts]) -> dict[str, Any]:
    return {part: spread([parts[part] for parts in measured]) for part in measured[0]}


def _middle(measured: list[Parts], part: str) -> float:
    return median(parts[part] for parts in measured)
