"""Contexts and tasks as users write them, good and bad. They travel by value."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any


def constant(value: Any = None) -> Any:
    return value


def process_id() -> int:
    return os.getpid()


def failing() -> None:
    print("about to read the weights")
    raise FileNotFoundError("no weights here")


def ending(code: int) -> None:
    print("leaving")
    sys.stdout.flush()
    os._exit(code)


def hanging() -> None:
    wait_for_ever()


def wait_for_ever() -> None:
    while True:
        time.sleep(60)


def with_helper(pid_file: str) -> str:
    """A context that starts a process of its own, as a data loader or a server would."""
    helper = subprocess.Popen(["sleep", "1000"])
    Path(pid_file).write_text(str(helper.pid))
    return pid_file


def with_daemon(pid_file: str) -> str:
    """A process that takes care not to be found: in a session of its own, its parent gone."""
    subprocess.run(
        ["sh", "-c", f"setsid sleep 1000 >/dev/null 2>&1 & echo $! > {pid_file}"], check=True
    )
    return pid_file


def echo(_: Any, items: Sequence[Any]) -> list[Any]:
    return list(items)


def stream(_: Any, items: Sequence[Any]) -> Iterator[Any]:
    yield from items


def add(context: int, items: Sequence[int], more: int = 0) -> list[int]:
    return [context + item + more for item in items]


def the_context(context: Any, items: Sequence[Any]) -> list[Any]:
    return [context for _ in items]


def obey(_: Any, items: Sequence[Any]) -> Iterator[Any]:
    """Each item is an instruction."""
    for item in items:
        if item == "wait":
            wait_for_ever()
        elif item == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        elif item == "exit":
            print("good bye")
            sys.stdout.flush()
            os._exit(3)
        elif item == "raise":
            raise ValueError("a bad item")
        elif item == "leave":
            sys.exit("enough")
        else:
            yield item


def slow(_: Any, items: Sequence[float]) -> Iterator[float]:
    for seconds in items:
        time.sleep(seconds)
        yield seconds
