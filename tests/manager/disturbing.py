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
from tests.manager.workloads import digest, digest_in_company, expected, salt

ITEMS = 300
ITEM_SECONDS = 0.004


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
    """A run in which ``disturb(rows so far)`` is called at every row as it arrives.

    ``seconds``: what an item takes; ``options``: of the manager.
    """
    with pcm.Manager(engine=engine, workers=workers, **options) as manager:
        run = manager.map(
            digest.bind(seconds=seconds),
            range(ITEMS),
            context=salt(),
            directory=directory,
            batch=batch,
        )
        for count, _ in enumerate(run, start=1):
            disturb(count)
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
