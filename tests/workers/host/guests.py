"""Contexts that can leave the accelerator, and what happens to them there. They travel by value."""

from __future__ import annotations

import os
import signal
import sys
import time
import types
from pathlib import Path
from typing import Any

BALLAST_BYTES = 40 << 20


class Guest:
    """Holds memory that it lets go of at the offload, and takes again at the return.

    ``offload`` and ``back`` say what it does besides: nothing, ``raise``, ``hang``, ``kill``
    itself, or wait until the file of this path is there.
    """

    def __init__(self, offload: str = "", back: str = "") -> None:
        self.offload, self.back = offload, back
        self.ballast = b"x" * BALLAST_BYTES

    def offload_to_host(self) -> None:
        obey(self.offload)
        self.ballast = b""

    def return_to_device(self) -> None:
        obey(self.back)
        self.ballast = b"x" * BALLAST_BYTES


def obey(way: str) -> None:
    if way == "raise":
        raise ValueError("it does not want to")
    if way == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    while way == "hang" or (way.startswith("/") and not Path(way).exists()):
        time.sleep(0.005)


def guest(offload: str = "", back: str = "") -> Guest:
    return Guest(offload, back)


def lazy() -> Any:
    """A context that has an answer to every name, and none that is a method."""

    class Lazy:
        def __getattr__(self, name: str) -> Any:
            raise LookupError(name)

    return Lazy()


def on_accelerator() -> Any:
    """A context that holds memory of an accelerator, as torch would tell."""
    reserved = [5 << 30]

    class Holding(Guest):
        def offload_to_host(self) -> None:
            reserved[0] = 3 << 20

        def return_to_device(self) -> None:
            reserved[0] = 4 << 30

    def empty_cache() -> None:
        reserved[0] -= 1 << 20

    cuda = types.SimpleNamespace(
        is_initialized=lambda: True,
        device_count=lambda: 1,
        memory_reserved=lambda device: reserved[0],
        empty_cache=empty_cache,
    )
    torch: Any = types.ModuleType("torch")
    torch.cuda = cuda
    sys.modules["torch"] = torch
    return Holding()


def ballast_and_process(context: Guest, items: list[Any]) -> list[Any]:
    return [[len(context.ballast), os.getpid()] for _ in items]
