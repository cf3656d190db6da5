"""One manager from beginning to end: its runs, the owners meanwhile, and what its jobs did."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

import pcm
from condor.personal_pool import CondorPool
from evaluations.glideins import ledger
from evaluations.glideins.ledger import Ledger, Life
from evaluations.glideins.owners import Owners
from evaluations.glideins.plan import SPEEDS, Away, Phase, Plan
from evaluations.glideins.provisioners import Provisioner, Served
from evaluations.glideins.workload import answer, expected, items, model

PATIENCE_SECONDS = 180.0
CLEAR_SECONDS = 30.0


class Computed(NamedTuple):
    """An item that counted; times are unix seconds."""

    worker: str
    began: float
    ended: float


class RunDone(NamedTuple):
    """What came of a phase; times are unix seconds."""

    phase: Phase
    began: float
    ended: float
    items: tuple[Computed, ...]
    exact: bool
    taken: tuple[tuple[Away, Life], ...]
    """When owners really had which GPU."""


class Sitting(NamedTuple):
    """What came of all; times are unix seconds."""

    began: float
    ended: float
    runs: tuple[RunDone, ...]
    jobs: Ledger
    left: int
    """Jobs that were in the queue at the end."""


class Going(NamedTuple):
    """A phase that is over, before its rows are read."""

    phase: Phase
    began: float
    ended: float
    run: pcm.Run
    owners: Owners


def sit(provisioner: Provisioner, plan: Plan, pool: CondorPool, directory: Path) -> Sitting:
    """``directory`` is its own. The pool is free afterwards. Raises TimeoutError for a run that
    does not end, RuntimeError if machines stay claimed."""
    directory.mkdir()
    log = pool.directory / "log" / ledger.NAME
    known = log.stat().st_size if log.exists() else 0
    began = time.time()
    with provisioner(directory, plan.dilation_factor) as served:
        over = [_go_through(phase, plan, served, pool, directory) for phase in plan.phases]
    clusters = {cluster for one in over for cluster in one.owners.clusters}
    left = len(_queued(pool, clusters))
    pool.clear_queue()
    ended = time.time()
    _await_free(pool)
    runs = tuple(_done(one, log, known) for one in over)
    return Sitting(began, ended, runs, ledger.read(log, known, but=clusters), left)


def _go_through(
    phase: Phase, plan: Plan, served: Served, pool: CondorPool, directory: Path
) -> Going:
    time.sleep(phase.pause_seconds)
    began = time.time()
    with Owners(pool, directory, phase.away) as owners:
        run = served.manager.map(
            answer,
            items(phase.costs),
            context=model(plan.load_seconds, SPEEDS),
            key="id",
            directory=directory / phase.name,
        )
        served.works_on(run)
        run.wait(PATIENCE_SECONDS)
        ended = time.time()
    return Going(phase, began, ended, run, owners)


def _done(over: Going, log: Path, known: int) -> RunDone:
    rows = [row for row in over.run if row.ok]
    answers = {row.key: row.value["answer"] for row in rows}
    taken = tuple(
        (away, life)
        for cluster, away in over.owners.clusters.items()
        for life in ledger.read(log, known, only=[cluster]).lives
    )
    computed = tuple(Computed(r.worker, r.value["began"], r.value["ended"]) for r in rows)
    exact = answers == {id_: expected(id_) for id_ in range(len(over.phase.costs))}
    return RunDone(over.phase, over.began, over.ended, computed, exact, taken)


def _queued(pool: CondorPool, owners: set[int]) -> list[int]:
    """Clusters of jobs that are not owners'. Those removed may take a moment to go."""
    deadline = time.monotonic() + CLEAR_SECONDS
    while True:
        there = [int(row[0]) for row in pool.queue("ClusterId")]
        queued = [cluster for cluster in there if cluster not in owners]
        if not queued or time.monotonic() > deadline:
            return queued
        time.sleep(0.2)


def _await_free(pool: CondorPool) -> None:
    """Until no GPU is claimed, so that nobody after this has it easier."""
    deadline = time.monotonic() + CLEAR_SECONDS
    while pool.run("condor_status", "-af", "Name", "-constraint", 'State == "Claimed"').split():
        if time.monotonic() > deadline:
            raise RuntimeError("machines are still claimed after the end of all jobs")
        time.sleep(0.2)
