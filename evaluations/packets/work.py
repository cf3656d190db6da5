"""What workers on the stage do. The device is played by time: an item takes so long."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any


def load() -> None:
    """Nothing has to be loaded."""


def answer(context: None, items: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for item in items:
        time.sleep(item["seconds"])
        yield {"text": b"t" * item["answer_bytes"]}
