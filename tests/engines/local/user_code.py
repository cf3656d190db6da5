"""Contexts and tasks for the engine's tests. They travel by value."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Sequence
from typing import Any


def environment() -> dict[str, str]:
    return dict(os.environ)


def failing() -> None:
    print("reading the weights")
    raise FileNotFoundError("no weights here")


def echo(_: Any, items: Sequence[Any]) -> list[Any]:
    return list(items)


def the_context(context: Any, items: Sequence[Any]) -> list[Any]:
    return [context for _ in items]


def slow(_: Any, items: Sequence[float]) -> Iterator[float]:
    for seconds in items:
        time.sleep(seconds)
        yield seconds


def suicide(_: Any, items: Sequence[int]) -> Iterator[int]:
    for item in items:
        if item < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        yield item
