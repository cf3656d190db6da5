"""How a model's files reach workers that share no file system with the manager.

A model directory of 1 GB goes to eight workers on this machine, each with a file cache of its own,
as if each were a machine: ``manager``, all sent by the manager; ``tree``, sent once and then passed
between workers; ``warm``, the same caches again, with new workers. The time is from the start of a
run until all have its context, whose loader only looks at sizes. All of it crosses loopback and one
disk, which is what limits here; on a network the manager's own link would.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pcm
from evaluations.base import Target, at_least, at_most, spread
from evaluations.in_the_root import check
from pcm.engines.taskvine import TaskVineEngine

ROOT = Path(__file__).parents[1]
WORKERS = 8
ROUNDS = 3
PER_SOURCE = 3
FILE_BYTES = 128 << 20
FILES = 8
"""As a model in shards."""
PATIENCE_SECONDS = 300.0
LOOK_SECONDS = 0.02


@pcm.context
def total_bytes(model: str) -> int:
    """A loader that costs nothing."""
    return sum(path.stat().st_size for path in Path(model).iterdir())


def evaluate(say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    return _evaluate(say, WORKERS, ROUNDS, FILE_BYTES)


def quick(say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    """As little as shows that it works; its figures mean nothing."""
    return _evaluate(say, 3, 1, 1 << 20)


def _evaluate(
    say: Callable[[str], None], workers: int, rounds: int, file_bytes: int
) -> tuple[dict[str, Any], list[Target]]:
    check("staging")
    total = FILES * file_bytes
    found: dict[str, list[dict[str, float]]] = {"manager": [], "tree": [], "warm": []}
    (ROOT / "runs").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="staging-", dir=ROOT / "runs") as scratch:
        model = _make_model(Path(scratch) / "model", file_bytes)
        for number in range(rounds):
            for way, several in found.items():
                say(f"round {number + 1} of {rounds}: {way}")
                caches = Path(scratch) / "caches"
                if way != "warm":
                    shutil.rmtree(caches, ignore_errors=True)
                per_source = 0 if way == "manager" else PER_SOURCE
                several.append(_bring(model, total, workers, caches, per_source))
    by_way = {
        way: {name: spread([one[name] for one in several]) for name in several[0]}
        for way, several in found.items()
    }
    copies = {
        way: max(one["copies_from_manager"] for one in several) for way, several in found.items()
    }
    return {"model_bytes": total, "workers": workers, "by_way": by_way}, [
        at_most("tree: copies sent by the manager, at most", copies["tree"], 1.1),
        at_least(
            "tree: copies passed between workers",
            by_way["tree"]["copies_between_workers"]["median"],
            workers - 1.1,
        ),
        at_most("warm cache: copies sent by the manager", copies["warm"], 0.0),
    ]


def _make_model(folder: Path, file_bytes: int) -> Path:
    folder.mkdir()
    for number in range(FILES):
        with (folder / f"model-{number + 1:05}-of-{FILES:05}.safetensors").open("wb") as file:
            for _ in range(file_bytes >> 20):
                file.write(os.urandom(1 << 20))
    return folder


@pcm.task
def rest(_: int, items: Sequence[float]) -> list[float]:
    """Takes so many seconds for each item."""
    for seconds in items:
        time.sleep(seconds)
    return list(items)


def _bring(
    model: Path, total: int, workers: int, caches: Path, per_source: int
) -> dict[str, float]:
    """Of one model to so many new workers."""
    engine = TaskVineEngine(listen=0, transfers_per_source=per_source, scratch=model.parent)
    with pcm.Manager(engine, workers=0) as manager, _workers(engine, workers, caches):
        _await(lambda: len(manager.workers()), workers)
        started = time.perf_counter()
        # Work for all of them until the last has it.
        run = manager.map(
            rest, [0.5] * 100 * workers, context=total_bytes(model=str(model)), batch=1
        )
        _await(lambda: sum("warm" in w.contexts.values() for w in manager.workers()), workers)
        seconds = time.perf_counter() - started
        run.cancel()
        sent = engine.staging_figures()
    return {
        "seconds": seconds,
        "copies_from_manager": sent.piece_bytes / total,
        "copies_between_workers": sent.fetched_bytes / total,
    }


@contextmanager
def _workers(engine: TaskVineEngine, count: int, caches: Path) -> Iterator[None]:
    """Each with a cache of its own, which stays."""
    command = [sys.executable, "-m", "workers.launch", f"127.0.0.1:{engine.port}", "--once"]
    command += ["--password-file", str(engine.password_file), "--cores", "1", "--never-shared"]
    command += ["--scratch", str(caches.parent)]
    launchers = []
    try:
        for number in range(count):
            cache = caches / str(number)
            cache.mkdir(parents=True, exist_ok=True, mode=0o700)
            launchers.append(
                subprocess.Popen(
                    [*command, "--cache", str(cache), "--id", f"w{number}"],
                    cwd=ROOT,
                    env=os.environ | {"CUDA_VISIBLE_DEVICES": ""},
                    stdout=subprocess.DEVNULL,
                )
            )
        yield
    finally:
        for launcher in launchers:
            launcher.terminate()
        for launcher in launchers:
            launcher.wait()


def _await(count: Callable[[], int], wanted: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (there := count()) < wanted:
        if time.monotonic() > deadline:
            raise RuntimeError(f"only {there} of {wanted} workers after {PATIENCE_SECONDS:g} s")
        time.sleep(LOOK_SECONDS)
