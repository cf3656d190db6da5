"""Small contexts and tasks, and what their undisturbed run gives."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pcm

FREE_ITEMS = 30
"""What each worker does of ``digest_at_gate`` before the gate is opened."""


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


@pcm.task
def digest_in_company(
    salt: int, items: Sequence[int], directory: str, alone: int, within_seconds: float = 60.0
) -> Iterator[dict[str, Any]]:
    """As ``digest``; items from ``alone`` on wait until two workers have come, each of which leaves
    a file in the directory."""
    (Path(directory) / str(os.getpid())).touch()
    deadline = time.monotonic() + within_seconds
    for item in items:
        while item >= alone and len(os.listdir(directory)) < 2:
            if time.monotonic() > deadline:
                raise TimeoutError("no second worker came")
            time.sleep(0.02)
        yield verdict(item, salt)


@pcm.task
def digest_at_gate(
    salt: int, items: Sequence[int], directory: str, seconds: float, within_seconds: float = 60.0
) -> Iterator[dict[str, Any]]:
    """As ``digest``; each worker leaves a file that grows by a byte for every item, and goes past
    ``FREE_ITEMS`` only once the file ``open`` is in the directory."""
    (done := Path(directory) / str(os.getpid())).touch()
    deadline = time.monotonic() + within_seconds
    for item in items:
        while done.stat().st_size >= FREE_ITEMS and not (Path(directory) / "open").exists():
            if time.monotonic() > deadline:
                raise TimeoutError("the gate was not opened")
            time.sleep(0.005)
        time.sleep(seconds)
        yield verdict(item, salt)
        with done.open("a") as file:
            file.write(".")


def verdict(item: int, salt: int) -> dict[str, Any]:
    text = hashlib.sha256(f"{salt}:{item}".encode()).hexdigest()
    return {"label": text[0], "score": int(text[:8], 16) / 2**32}


def expected(count: int, salt: int = 7) -> dict[int, dict[str, Any]]:
    return {item: verdict(item, salt) for item in range(count)}
