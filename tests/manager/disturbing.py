"""Runs that are disturbed while they go on, and what must be true of them afterwards."""

from __future__ import annotations

import json
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pcm
from tests.manager.workloads import (
    FREE_ITEMS,
    digest_at_gate,
    digest_in_company,
    expected,
    salt,
)

ITEMS = 300
ITEM_SECONDS = 0.004
GATE_SHUTS, GATE_OPENS = 30, 40
"""Rows: no more than two workers have told for certain while both stand before the gate."""
DEADLINE_SECONDS = 60.0


class Gate:
    """Holds every worker in the midst of a batch until what disturbs them has happened."""

    def __init__(self, directory: Path, workers: int) -> None:
        directory.mkdir()
        self.directory, self.workers = directory, workers

    def wait(self) -> None:
        """Until all workers stand before the gate."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while len(self._waiting()) < self.workers:
            assert time.monotonic() < deadline, self._waiting()
            time.sleep(0.005)

    def open(self) -> None:
        (self.directory / "open").touch()

    def _waiting(self) -> list[str]:
        files = self.directory.iterdir()
        return [file.name for file in files if file.stat().st_size == FREE_ITEMS]


def run_disturbed(
    directory: Path,
    disturb: Callable[[int], None],
    *,
    engine: str = "local",
    workers: int = 2,
    batch: int = 20,
    seconds: float = ITEM_SECONDS,
    **options: Any,
) -> pcm.Run:
    """A run in which ``disturb(rows so far)`` is called at every row as it arrives; at rows
    ``GATE_SHUTS`` to ``GATE_OPENS`` every worker is in the midst of a batch.

    ``seconds``: what an item takes; ``options``: of the manager.
    """
    gate = Gate(directory.with_name("gate"), workers)
    with pcm.Manager(engine=engine, workers=workers, **options) as manager:
        run = manager.map(
            digest_at_gate.bind(directory=str(gate.directory), seconds=seconds),
            range(ITEMS),
            context=salt(),
            directory=directory,
            batch=batch,
        )
        for count, _ in enumerate(run, start=1):
            if count == GATE_SHUTS:
                gate.wait()
            disturb(count)
            if count == GATE_OPENS:
                gate.open()
    return run


def crew_changes(manager: pcm.Manager, directory: Path) -> None:
    """A crew of one grows to three while a run goes on, and shrinks to one again."""
    (company := directory / "company").mkdir()
    task = digest_in_company.bind(directory=str(company), alone=60)
    run = manager.map(task, range(400), context=salt(), directory=directory / "run", batch=10)
    for count, _ in enumerate(run, start=1):
        if count == 50:
            manager.resize(3)
        if count == 250:
            manager.resize(1)
    assert len({row.worker for row in run}) >= 2
    assert_exact(run, 400)


class Strike:
    """Do something when so many rows are there, once."""

    def __init__(self, at: int, deed: Callable[[], None]) -> None:
        self.at, self.deed = at, deed
        self.struck_at = 0.0
        """The time of day when it was done; 0 before."""

    def __call__(self, rows: int) -> None:
        if rows >= self.at and not self.struck_at:
            self.deed()
            self.struck_at = time.time()


def assert_exact(run: pcm.Run, items: int = ITEMS) -> None:
    """Every key once, with the verdict of an undisturbed run, in memory and in the results file."""
    rows = list(run)
    assert Counter(row.key for row in rows) == Counter(range(items))
    assert {row.key: row.value for row in rows} == expected(items)
    lines = (run.directory / "results.jsonl").read_text().splitlines()
    assert [json.loads(line)["key"] for line in lines] == list(range(items))


def events(run: pcm.Run, kind: str) -> list[dict[str, Any]]:
    """The events of a kind in the run's log, each with the time ``at`` which it was handled."""
    with closing(sqlite3.connect(run.directory / "journal.sqlite")) as journal:
        query = "SELECT at, json FROM events WHERE kind = ? ORDER BY seq"
        rows = journal.execute(query, (kind,)).fetchall()
    return [{"at": at, **json.loads(line)} for at, line in rows]
