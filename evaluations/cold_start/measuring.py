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

PROMPT = "Claim: the river flows past a town whose people sell copper, honey and salt.\nVerdict:"
LABELS = (" SUPPORTS", " REFUTES", " NOT ENOUGH INFO")
ASKED = (PROMPT, LABELS)
KINDS = {
    "float32 as stored": ("float32", "float32"),
    "bfloat16 as stored": ("bfloat16", "bfloat16"),
    "float32 from bfloat16": ("bfloat16", "float32"),
}
"""By name: the type that is stored, the type that is computed with."""

Parts = dict[str, float]


def measure(
    rounds: int,
    say: Callable[[str], None],
    *,
    layers: int = 30,
    hidden: int = 576,
    tokens: int = 49_152,
) -> tuple[dict[str, Any], list[Target]]:
    with tempfile.TemporaryDirectory(prefix="pcm-cold-start-") as place:
        say(f"making a model of {layers} layers")
        found = models.make(Path(place), layers=layers, hidden=hidden, tokens=tokens)
        warm, cold, bare, reading = _on_a_worker_that_is_up(found, rounds, say)
        say("a worker that has yet to start")
        fresh = {name: [_on_a_new_worker(found, name)] for name in KINDS}
        size_bytes = {name: models.weight_bytes(directory) for name, directory in found.items()}
    figures = {
        "weights_bytes": size_bytes,
        "read_seconds_cold": {name: spread(values) for name, values in reading.items()},
        "up_warm_files": {name: _by_part(parts) for name, parts in warm.items()},
        "up_cold_files": {name: _by_part(parts) for name, parts in cold.items()},
        "new_worker_warm_files": {name: _by_part(parts) for name, parts in fresh.items()},
        "plain_warm_files": {name: _by_part(parts) for name, parts in bare.items()},
    }
    targets = []
    for name, (stored, _) in KINDS.items():
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
    found: dict[str, Path], rounds: int, say: Callable[[str], None]
) -> tuple[Any, Any, Any, dict[str, list[float]]]:
    """Interleaved, so that what else the machine does befalls all alike."""
    warm: dict[str, list[Parts]] = {name: [] for name in KINDS}
    cold: dict[str, list[Parts]] = {name: [] for name in KINDS}
    bare: dict[str, list[Parts]] = {name: [] for name in KINDS}
    reading: dict[str, list[float]] = {name: [] for name in found}
    with pcm.Manager(workers=1) as manager:
        for number in range(rounds):
            for name, (stored, dtype) in KINDS.items():
                say(f"round {number + 1} of {rounds}: {name}")
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


def _on_a_new_worker(found: dict[str, Path], name: str) -> Parts:
    stored, dtype = KINDS[name]
    page_cache.read_seconds(found[stored])
    begun = time.monotonic()
    with pcm.Manager(workers=1) as manager:
        started = time.monotonic()
        _, parts = resident.answer(manager, found[stored], dtype, *ASKED)
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
