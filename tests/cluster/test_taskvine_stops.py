"""Workers that stand still for a while: nothing is lost by it, and nobody waits for them."""

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
BATCH_ITEMS = 10
HELD_ITEMS = 2 * 2 * BATCH_ITEMS
"""Each of the two that stand still has a batch that runs and one that is next."""
STRIKE_AT = 40
"""Rows."""


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


def test_a_third_worker_does_what_stopped_ones_held_and_they_go_on(tmp_path: Path) -> None:
    stop = Stop()
    meanwhile: list[pcm.Row] = []
    try:
        with pcm.Manager(engine="taskvine", workers=WORKERS) as manager:
            all_work(manager)
            run = manager.map(
                digest.bind(seconds=ITEM_SECONDS),
                range(ITEMS),
                context=salt(),
                directory=tmp_path / "run",
                batch=BATCH_ITEMS,
            )
            strike = Strike(STRIKE_AT, stop.begin)
            for rows, row in enumerate(run, start=1):
                if strike.struck_at:
                    meanwhile.append(row)
                strike(rows)
            assert not stop.is_over.is_set(), "the run has waited for those who stood still"
            assert stop.is_over.wait(STOPPED_SECONDS + DEADLINE_SECONDS)
            all_work(manager)
    finally:
        stop.close()
    assert_exact(run)
    assert not events(run, "WorkerLeft")
    third = meanwhile[-1].worker
    told_before = [row for row in meanwhile if row.worker != third]
    assert len(told_before) <= HELD_ITEMS, "what they had told before they stood still"
    again = [row for row in run if row.attempt != 1]
    assert {(row.attempt, row.worker) for row in again} == {(2, third)}
    assert len(again) <= HELD_ITEMS
    copies = [event for event in events(run, "Dispatch") if event["attempt"] != 1]
    assert {(event["attempt"], event["worker"]) for event in copies} == {(2, third)}
    assert len(copies) <= HELD_ITEMS // BATCH_ITEMS, "each was copied once"
    copied = [range(start, stop) for event in copies for start, stop in event["ranges"]]
    assert sorted(item for items in copied for item in items) == sorted(row.key for row in again)
