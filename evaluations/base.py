"""What an evaluation gives: figures, and how they stand against what was expected."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import msgspec
import psutil


class Target(msgspec.Struct, frozen=True):
    """An expectation: ``value`` was measured, ``target`` says what was hoped for."""

    what: str
    value: float | None
    target: str
    met: bool


def at_least(what: str, value: float, bound: float) -> Target:
    return Target(what, value, f">= {bound:g}", value >= bound)


def at_most(what: str, value: float, bound: float) -> Target:
    return Target(what, value, f"<= {bound:g}", value <= bound)


class Result(msgspec.Struct, frozen=True):
    """The last line of an evaluation's output, as JSON."""

    name: str
    figures: dict[str, Any]
    targets: list[Target]
    machine: dict[str, Any]


Evaluation = Callable[[Callable[[str], None]], tuple[dict[str, Any], list[Target]]]
"""Measures, telling now and then how far it is; gives figures and targets."""


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "load_average": os.getloadavg()[0],
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in ("pcm", "torch", "transformers", "msgspec")},
    }


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, least and greatest of some measurements."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def _cpu_model() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        for line in info:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
