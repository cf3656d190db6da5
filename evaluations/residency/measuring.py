"""All measurements of a run, and what is expected of them."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from evaluations.base import Target, at_most, spread
from evaluations.cold_start import models, page_cache
from evaluations.residency.plan import WAYS, Kind, Plan, Way
from evaluations.residency.worker import OneWorker


class Times:
    """Of one kind: seconds by way, and bytes by tier."""

    def __init__(self) -> None:
        self.until_warm: dict[Way, list[float]] = {way: [] for way in WAYS}
        self.until_answer: dict[Way, list[float]] = {way: [] for way in WAYS}
        self.cost: dict[Way, list[float]] = {way: [] for way in WAYS}
        """Until the answer, less what the same answer takes once more."""
        self.warm_bytes: list[int] = []
        self.parked_bytes: list[int] = []
        self.beside_bytes: list[int] = []

    def figures(self) -> dict[str, Any]:
        return {
            "until_warm_seconds": _by_way(self.until_warm),
            "until_answer_seconds": _by_way(self.until_answer),
            "swap_seconds": _by_way(self.cost),
            "swaps_per_second": {
                way: len(seconds) / sum(seconds) for way, seconds in self.until_answer.items()
            },
            "warm_bytes": spread(self.warm_bytes),
            "parked_bytes": spread(self.parked_bytes),
            "parked_host_bytes_beside_an_accelerator": spread(self.beside_bytes),
        }


def measure(plan: Plan, say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    """Figures by kind, and what is expected of them."""
    figures: dict[str, Any] = {}
    targets: list[Target] = []
    with tempfile.TemporaryDirectory(prefix="pcm-residency-") as place:
        say(f"making a model of {plan.layers} layers")
        made = models.make(Path(place), layers=plan.layers, hidden=plan.hidden, tokens=plan.tokens)
        for kind in plan.kinds:
            copies = _copies(made[kind.stored], kind.contexts)
            with OneWorker(copies, kind.dtype) as worker:
                times = _take_turns(worker, kind, copies, plan.rounds, say)
            weights = models.weight_bytes(made[kind.stored])
            figures[kind.name] = {"weight_file_bytes": weights, **times.figures()}
            targets += _targets(kind, times)
    return figures, targets


def _copies(model: Path, count: int) -> list[Path]:
    """Directories of their own: contexts that use the same files would share their pages."""
    copies = [model, *(model.with_name(f"{model.name}-{number}") for number in range(1, count))]
    for copy in copies:
        if not copy.exists():
            shutil.copytree(model, copy)
    return copies


def _take_turns(
    worker: OneWorker, kind: Kind, copies: list[Path], rounds: int, say: Callable[[str], None]
) -> Times:
    """All ways in each round, so that what else the machine does befalls all alike. Each context
    comes once in a round, while one other is warm."""
    times = Times()
    worker.load(0)
    expected = worker.ask(0)
    for number in range(rounds):
        say(f"{kind.name}: round {number + 1} of {rounds}")
        for way in WAYS:
            if way == "host":
                _park_all_but_the_first(worker, kind)
            for turn in range(kind.contexts):
                leaving, coming = turn, (turn + 1) % kind.contexts
                _prepare_files(copies[coming], way)
                begun = time.perf_counter()
                seconds, warm = worker.change(leaving, coming, offload=way == "host")
                answer = worker.ask(coming)
                answered = time.perf_counter()
                again = worker.ask(coming)
                once_more = time.perf_counter() - answered
                times.until_warm[way].append(seconds)
                times.until_answer[way].append(answered - begun)
                times.cost[way].append(answered - begun - once_more)
                if way == "host":  # Both when it has answered before: that, too, takes memory.
                    times.warm_bytes.append(warm.memory_bytes)
                if not answer == again == expected:
                    raise RuntimeError(f"{way}: answered {answer}, {again}, before {expected}")
            if way == "host":
                _end_all_but_the_first(worker, kind, times)
    return times


def _park_all_but_the_first(worker: OneWorker, kind: Kind) -> None:
    for context in range(1, kind.contexts):
        worker.load(context)
        worker.ask(context)  # What is parked has answered before.
        worker.park(context)


def _end_all_but_the_first(worker: OneWorker, kind: Kind, times: Times) -> None:
    """The first, which is warm, says besides what it takes while it is parked."""
    for context in range(1, kind.contexts):
        worker.evict(context)
    parked = worker.park(0)
    times.parked_bytes.append(parked.memory_bytes)
    times.beside_bytes.append(parked.host_bytes)
    worker.load(0)


def _prepare_files(model: Path, way: Way) -> None:
    if way == "disk":
        page_cache.read_seconds(model)
    elif way == "cold":
        page_cache.drop(model)


def _targets(kind: Kind, times: Times) -> list[Target]:
    host, disk = (median(times.cost[way]) for way in ("host", "disk"))
    targets = [at_most(f"{kind.name}: swap by tier host, times a reload", host / disk, 1 / 3)]
    if kind.is_mapped:
        share = median(times.parked_bytes) / median(times.warm_bytes)
        targets.append(at_most(f"{kind.name}: memory of a parked one, times warm", share, 0.5))
    return targets


def _by_way(seconds: dict[Way, list[float]]) -> dict[str, Any]:
    return {way: spread(values) for way, values in seconds.items()}
