"""One run on the real TaskVine while workers come and go as the script says."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

import pcm
from evaluations.trace.guests import ROOT, Guests
from evaluations.trace.script import SPEEDS, Plan, costs, visits
from evaluations.trace.workload import answer, expected, items, model
from pcm.engines.simulated import Visit

LEAD_SECONDS = 0.25
"""A worker's processes are started so long before it is to join."""
GRACE_SECONDS = 5.0
JOIN_SECONDS = 120.0
PATIENCE_SECONDS = 300.0
LOOK_SECONDS = 0.5


class Played(NamedTuple):
    """``report``: what ``pcm report --replay --json`` says of the run. ``late_seconds``: by how
    much workers joined later than in the script (less than 0: earlier)."""

    report: dict[str, Any]
    rows_lost: int
    rows_twice: int
    rows_wrong: int
    killed: int
    told: int
    late_seconds: list[float]


class Deed(NamedTuple):
    at_seconds: float
    what: str
    do: Callable[[], None]


def play(plan: Plan, directory: Path) -> Played:
    """``directory`` is its own. Raises RuntimeError if those that are to be there from the
    beginning do not join, TimeoutError for a run that does not end."""
    directory.mkdir()
    work = costs(plan)
    done: Counter[str] = Counter()
    joined: dict[str, float] = {}
    due: dict[str, float] = {}
    with (
        Guests(directory, grace_seconds=GRACE_SECONDS) as guests,
        pcm.Manager("taskvine", workers=0, listen=0, gpus=[], scratch=directory) as manager,
    ):
        deeds = _deeds(plan, guests, manager, due)
        while deeds and deeds[0].at_seconds + LEAD_SECONDS <= 0.0:
            deeds.pop(0).do()
        _await(manager, len(due))
        run = manager.map(
            answer,
            items([float(cost) for cost in work]),
            context=model(plan.load_seconds, SPEEDS),
            key="id",
            cost=lambda item: item["cost"],
            directory=directory / "run",
        )
        began = time.monotonic()
        while not run.done:
            now = time.monotonic() - began
            joined |= {one.worker: one.joined_at - began for one in manager.workers()}
            while deeds and deeds[0].at_seconds <= now:
                deeds[0].do()
                done[deeds.pop(0).what] += 1
            wait = min(LOOK_SECONDS, deeds[0].at_seconds - now) if deeds else LOOK_SECONDS
            try:
                run.wait(max(0.0, wait))
            except TimeoutError:
                if now > PATIENCE_SECONDS:
                    raise
    lost, twice, wrong = rows_off(run.directory / "results.jsonl", len(work))
    late = [joined[name] - at for name, at in due.items() if at > 0.0 and name in joined]
    return Played(_report(run.directory), lost, twice, wrong, done["kill"], done["tell"], late)


def _deeds(plan: Plan, guests: Guests, manager: pcm.Manager, due: dict[str, float]) -> list[Deed]:
    """All that is to be done, in its order; ``due`` is told who was to join when."""
    invitation = manager.invitation()
    assert invitation is not None

    def start(name: str, visit: Visit) -> None:
        due[name] = visit.start_seconds
        guests.start(invitation, name, visit.kind)

    deeds = []
    for number, visit in enumerate(visits(plan)):
        name = f"{visit.kind}-{number}"
        deeds.append(Deed(visit.start_seconds - LEAD_SECONDS, "start", partial(start, name, visit)))
        if isfinite(visit.end_seconds):
            what, deed = ("tell", guests.tell) if visit.notice_seconds else ("kill", guests.kill)
            at = visit.end_seconds - visit.notice_seconds
            deeds.append(Deed(at, what, partial(deed, name)))
    return sorted(deeds, key=lambda deed: deed.at_seconds)


def _await(manager: pcm.Manager, workers: int) -> None:
    deadline = time.monotonic() + JOIN_SECONDS
    while (there := len(manager.workers())) < workers:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{there} of {workers} workers joined in {JOIN_SECONDS:g} s")
        time.sleep(LOOK_SECONDS)


def _report(directory: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "pcm.cli", "report", str(directory), "--replay", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"pcm report failed: {done.stderr}")
    answered: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answered


def rows_off(results: Path, count: int) -> tuple[int, int, int]:
    """Of how many items rows are lacking, how many are there again, and how many are wrong."""
    rows = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    ids = {row["id"] for row in rows}
    wrong = sum(row.get("value") != expected(row["id"]) for row in rows)
    return len(set(range(count)) - ids), len(rows) - len(ids), wrong
