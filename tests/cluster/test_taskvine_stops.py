"""Workers that stand still for a while: nothing is lost by it, and nobody waits but for them."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import psutil
import pytest

import pcm
from tests.cluster import vine_processes
from tests.cluster.needs import needs_taskvine
from tests.manager.disturbing import ITEM_SECONDS, ITEMS, Strike, assert_exact, events
from tests.manager.workloads import digest, salt

pytestmark = [pytest.mark.cluster, pytest.mark.kills, needs_taskvine]

WORKERS = 3
STOPPED_SECONDS = 30.0
DEADLINE_SECONDS = 30.0


class Stop:
    """Processes stand still from ``begin`` until ``STOPPED_SECONDS`` later."""

    def __init__(self) -> None:
        self.is_over = threading.Event()
        self._processes: list[psutil.Process] = []
        self._timer = threading.Timer(STOPPED_SECONDS, self._end)

    def begin(self) -> None:
        """All of one worker, and of another only vine_worker: its host works on, unheard."""
        first, second, _ = vine_processes.workers()
        whole = [first.launcher, *first.launcher.children(recursive=True)]
        self._processes = [*whole, second.vine_worker]
        for process in self._processes:
            process.suspend()
        self._timer.start()

    def _end(self) -> None:
        for process in self._processes:
            process.resume()
        self.is_over.set()

    def close(self) -> None:
        self._timer.cancel()
        if not self.is_over.is_set():
            self._end()


def all_work(manager: pcm.Manager) -> None:
    """Return when every worker has the context, and has done something."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    at_work: set[str] = set()
    while len(at_work) < WORKERS:
        assert time.monotonic() < deadline, at_work
        run = manager.map(digest.bind(seconds=ITEM_SECONDS), range(60), context=salt(), batch=5)
        at_work = {row.worker for row in run}


def test_stopped_workers_go_on(tmp_path: Path) -> None:
    stop = Stop()
    meanwhile: list[str] = []
    try:
        with pcm.Manager(engine="taskvine", workers=WORKERS) as manager:
            all_work(manager)
            run = manager.map(
                digest.bind(seconds=ITEM_SECONDS),
                range(ITEMS),
                context=salt(),
                directory=tmp_path / "run",
                batch=10,
            )
            strike = Strike(40, stop.begin)
            for rows, row in enumerate(run, start=1):
                strike(rows)
                if strike.struck_at and not stop.is_over.is_set():
                    meanwhile.append(row.worker)
            # The third has done what the two held as well; they go on where they were.
            assert stop.is_over.wait(DEADLINE_SECONDS)
            all_work(manager)
    finally:
        stop.close()
    assert_exact(run)
    assert not events(run, "WorkerLeft")
    assert {row.attempt for row in run} <= {1, 2}
    assert len(meanwhile) > ITEMS // 2
