"""Small contexts and tasks, and what their undisturbed run gives."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pcm


@pcm.context
def salt(value: int = 7) -> int:
    return value


@pcm.task
def digest(salt: int, items: Sequence[int], seconds: float = 0.0) -> Iterator[dict[str, Any]]:
    """A verdict that depends on the item and the context alone."""
    for item in items:
        time.sleep(seconds)
        yield verdict(item, salt)


@pcm.task
def digest_at_once(salt: int, items: Sequence[int]) -> list[dict[str, Any]]:
    return [verdict(item, salt) for item in items]


def verdict(item: int, salt: int) -> dict[str, Any]:
    text = hashlib.sha256(f"{salt}:{item}".encode()).hexdigest()
    return {"label": text[0], "score": int(text[:8], 16) / 2**32}


def expected(count: int, salt: int = 7) -> dict[int, dict[str, Any]]:
    return {item: verdict(item, salt) for item in range(count)}
