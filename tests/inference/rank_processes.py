"""Runs a function on several ranks: real processes that meet by gloo over the loopback interface.

    answers = on_ranks(2, function, argument, ...)

``function`` is at the top of a test module; it and its arguments are pickled. It is called on every
rank after `workers.inference.ranks.join`, with one thread, and what it returns on each comes back
in the order of the ranks. Where a rank fails, all are ended and `RankFailed` has its traceback.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workers.inference.ranks import INTERFACES, RENDEZVOUS

ROOT = Path(__file__).parents[2]
DEADLINE_SECONDS = 240.0
MEETING_SECONDS = 120.0
LOOK_SECONDS = 0.02


class RankFailed(AssertionError):
    """A rank raised, was killed, or did not end in time; the message has its traceback."""


def on_ranks(
    count: int,
    function: Callable[..., Any],
    *arguments: Any,
    deadline_seconds: float = DEADLINE_SECONDS,
    environment: dict[str, str] | None = None,
    joined: bool = True,
) -> list[Any]:
    """What ``function(*arguments)`` returns on each of ``count`` ranks. With ``joined=False`` the
    ranks do not meet before it is called. Raises RankFailed."""
    with tempfile.TemporaryDirectory(prefix="pcm-ranks-") as name:
        directory = Path(name)
        (directory / "call").write_bytes(pickle.dumps((function, arguments, joined)))
        ranks: list[subprocess.Popen[bytes]] = []
        try:
            for rank in range(count):
                ranks.append(_started(directory, rank, count, environment or {}))
            _wait(ranks, directory, time.monotonic() + deadline_seconds)
        finally:
            for process in ranks:
                if process.poll() is None:
                    process.send_signal(signal.SIGKILL)
                process.wait()
        return [pickle.loads((directory / f"answer.{rank}").read_bytes()) for rank in range(count)]


def _started(
    directory: Path, rank: int, count: int, environment: dict[str, str]
) -> subprocess.Popen[bytes]:
    own = {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count),
        RENDEZVOUS: str(directory / "rendezvous"),
        **dict.fromkeys(INTERFACES, "lo"),
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "HF_HUB_OFFLINE": "1",
    }
    with (directory / f"log.{rank}").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", __name__, str(directory)],
            cwd=ROOT,
            env={**os.environ, **own, **environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def _wait(ranks: list[subprocess.Popen[bytes]], directory: Path, deadline: float) -> None:
    """Until all have ended well. The first that fails ends the waiting: the others may hang."""
    while any(process.poll() is None for process in ranks):
        failed = any(process.returncode not in (None, 0) for process in ranks)
        if failed or time.monotonic() > deadline:
            break
        time.sleep(LOOK_SECONDS)
    if all(process.returncode == 0 for process in ranks):
        return
    told = []
    for rank, process in enumerate(ranks):
        state = "did not end" if process.returncode is None else f"ended with {process.returncode}"
        log = (directory / f"log.{rank}").read_text(errors="replace")
        told.append(f"rank {rank} of {len(ranks)} {state}:\n{log}")
    raise RankFailed("\n".join(told))


def _main(directory: Path) -> int:
    """One rank."""
    import torch

    from workers.inference import ranks

    torch.set_num_threads(1)
    function, arguments, joined = pickle.loads((directory / "call").read_bytes())
    try:
        rank = ranks.join(seconds=MEETING_SECONDS).rank if joined else ranks.here().rank
        answer = function(*arguments)
        partial = directory / f"partial.{rank}"
        partial.write_bytes(pickle.dumps(answer))
        partial.replace(directory / f"answer.{rank}")
        ranks.leave()
    except BaseException:
        traceback.print_exc()
        # No waiting for ranks that wait for this one.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1)
    return 0


if __name__ == "__main__":
    sys.exit(_main(Path(sys.argv[1])))
