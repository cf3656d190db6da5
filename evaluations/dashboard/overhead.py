"""What the log, from which dashboards and metrics are made, costs the run itself."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from statistics import median
from typing import Any
from unittest.mock import patch

import pcm
from evaluations.base import spread
from evaluations.dashboard.plan import Plan

SCRAPE_SECONDS = 5.0
WITHOUT, LOGGED, METRICS = WAYS = ("without a log", "with it", "with metrics")

_PROGRAM = """
import sys, time, urllib.request
url, token, pause = sys.argv[1:]
asked = urllib.request.Request(url, headers={"Authorization": "Bearer " + token})
while True:
    with urllib.request.urlopen(asked, timeout=60) as answer:
        answer.read()
    print(flush=True)
    time.sleep(float(pause))
"""


@pcm.context
def nothing() -> None:
    """Loads nothing."""


@pcm.task
def rest(_: None, items: list[float]) -> list[float]:
    """Takes so many seconds for each item."""
    for seconds in items:
        time.sleep(seconds)
    return list(items)


def overhead(plan: Plan, say: Callable[[str], None]) -> dict[str, Any]:
    """Runs of the same work in turn: without a log, with it, and with metrics that are scraped.

    With one worker all that the manager computes for a batch is in nobody's shadow, so what it
    computes more bounds what the run takes longer; its time on the clock says the same, but on a
    machine that does other things less exactly.
    """
    clock: dict[str, list[float]] = {way: [] for way in WAYS}
    manager: dict[str, list[float]] = {way: [] for way in WAYS}
    for number in range(plan.rounds):
        say(f"runs with and without a log, round {number + 1} of {plan.rounds}")
        for way in WAYS:
            seconds, computed = _run(plan, way)
            clock[way].append(seconds)
            manager[way].append(computed)
    bare = median(manager[WITHOUT])
    added = {way: (median(manager[way]) - bare) / plan.run_batches for way in WAYS}
    return {
        "batches": plan.run_batches,
        "batch_seconds": plan.run_batch_seconds,
        "seconds": {way: spread(seconds) for way, seconds in clock.items()},
        "manager_cpu_seconds": {way: spread(seconds) for way, seconds in manager.items()},
        "added_cpu_seconds_per_batch": added,
        "added_share_of_a_batch": {
            way: seconds / plan.run_batch_seconds for way, seconds in added.items()
        },
    }


def _unsaid(entry: object) -> None:
    """In place of what goes into the log."""


def _run(plan: Plan, way: str) -> tuple[float, float]:
    """Seconds by the clock, and of computing in the manager's process."""
    with pcm.Manager(workers=1, telemetry="off", dashboard=way == METRICS) as manager:
        manager.map(rest, [0.0] * 50, context=nothing(), batch=1).wait()
        log = patch.object(manager._loop, "note", _unsaid) if way == WITHOUT else nullcontext()
        with log, _Scraper(manager.dashboard_url):
            begun, computed = time.perf_counter(), time.process_time()
            items = [plan.run_batch_seconds] * plan.run_batches
            manager.map(rest, items, context=nothing(), batch=1).wait()
            return time.perf_counter() - begun, time.process_time() - computed


class _Scraper:
    """Asks for metrics now and then, by a program of its own, if there is somebody to ask."""

    def __init__(self, url: str | None) -> None:
        self._url = url
        self._program: subprocess.Popen[str] | None = None

    def __enter__(self) -> None:
        if self._url is None:
            return
        where, _, token = self._url.partition("?token=")
        self._program = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, where + "metrics", token, str(SCRAPE_SECONDS)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._program.stdout is not None
        self._program.stdout.readline()

    def __exit__(self, *_: object) -> None:
        if self._program is not None:
            assert self._program.stdout is not None
            self._program.terminate()
            self._program.wait()
            self._program.stdout.close()
