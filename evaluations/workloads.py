"""Contexts and tasks that evaluations share."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pcm


@pcm.context
def nothing() -> None:
    """A context that costs nothing: what remains is pcm itself."""


@pcm.task
def echo(_: Any, items: Sequence[Any]) -> list[Any]:
    """Give every item back."""
    return list(items)


@pcm.task
def sleep(_: Any, items: Sequence[float]) -> Any:
    """Take the given seconds for every item."""
    for seconds in items:
        time.sleep(seconds)
        yield seconds
