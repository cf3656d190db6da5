"""Manifests, items and outcomes for tests of the journal and of what reads it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from pcm.formats import Jsonl
from pcm.identity import Identity
from pcm.journal import Item, Manifest, Outcome
from workers.protocol import ErrorReport


def manifest(**changes: Any) -> Manifest:
    plain = Manifest(
        format=1,
        run="run-1",
        name="test",
        created=1.0,
        pcm="0.1.0",
        key_name="id",
        task=Identity.of("verify", {"source": "s1", "argument 'prompt'": "p1"}),
        context=Identity.of("verifier", {"file model.safetensors": "f1"}),
        requirements={},
        options={},
        outputs=[Jsonl()],
    )
    return msgspec.structs.replace(plain, **changes)


def items(count: int, first: int = 0) -> Iterator[Item]:
    for index in range(first, first + count):
        yield Item(f'"key-{index}"', f"payload {index}".encode(), 1.0 + index)


def success(item: int, value: Any = None, *, batch: int = 1, worker: str = "w1") -> Outcome:
    content = msgspec.msgpack.encode({"n": item} if value is None else value)
    return Outcome(item, content, None, worker, "cpu", batch, 1, 0.25, 100.0 + item)


def failure(item: int, message: str = "no", *, attempt: int = 1, type_name: str = "E") -> Outcome:
    error = msgspec.msgpack.encode(ErrorReport(type_name, message, "Traceback ..."))
    return Outcome(item, None, error, "w2", "cpu", 1, attempt, 0.5, 100.0 + item)
