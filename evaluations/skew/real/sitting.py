"""One manager with its workers and its run, in one of the three ways."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import numpy as np

import pcm
from evaluations.skew.real.crew import Crew
from evaluations.skew.real.plan import Plan, Round, visits
from evaluations.skew.real.recordings import Recordings
from evaluations.skew.real.workload import answer, expected, pace
from pcm.core.events import SkewChanged

Way = Literal["off", "advisory", "known"]
WAYS: tuple[Way, ...] = ("off", "advisory", "known")
PATIENCE_SECONDS = 400.0
RECORDED_BEYOND_SECONDS = 300.0
"""So long after the onset there still are readings."""


class Told(NamedTuple):
    """An event of the run's log. ``at_seconds``: since 1970, as all times here."""

    at_seconds: float
    worker: str
    what: dict[str, Any]


class Sat(NamedTuple):
    """``slow``: the names of the slow workers."""

    makespan_seconds: float
    rows_off: int
    onset_at: float
    slow: tuple[str, ...]
    findings: tuple[Told, ...]
    changes: tuple[Told, ...]


class Sitting:
    """Everything is made when it is entered and gone when it is left."""

    def __init__(self, plan: Plan, round_: Round, way: Way, begin_at: float, where: Path) -> None:
        """The run begins at ``begin_at``. ``where``: a directory of its own."""
        self._plan, self._round, self._way, self._begin_at = plan, round_, way, begin_at
        self._where = where
        self._onset_at = begin_at + round_.onset_seconds
        self._crew = Crew(where)
        # The same signs in all ways.
        rng = np.random.default_rng(int(round_.onset_seconds * 1000))
        self._recordings = Recordings(where, self._onset_at + RECORDED_BEYOND_SECONDS, rng)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._where.mkdir()
        with ExitStack() as stack:
            stack.enter_context(self._crew)
            self._manager = stack.enter_context(
                pcm.Manager(
                    "taskvine",
                    workers=0,
                    listen=0,
                    gpus=[],
                    scratch=self._where,
                    telemetry="advisory" if self._way == "advisory" else "off",
                )
            )
            invitation = self._manager.invitation()
            assert invitation is not None
            for number, visit in enumerate(visits(self._plan, self._round, self._onset_at)):
                name = f"{self._way}{number}"
                self._crew.start(invitation, name, self._recordings.add(name, visit))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    def is_ready(self) -> bool:
        """To be asked often: workers wait for their recordings meanwhile."""
        waiting = self._recordings.hand_over(time.time())
        return not waiting and len(self._manager.workers()) == self._plan.workers

    def run(self) -> Sat:
        """From ``begin_at`` on. Raises TimeoutError for a run that does not end."""
        plan = self._plan
        slow = self._slow()
        time.sleep(max(0.0, self._begin_at - time.time()))
        began = time.time()
        run = self._manager.map(
            answer.bind(seconds=plan.item_seconds),
            range(plan.items),
            context=pace({name: (factor, self._onset_at) for name, factor in slow.items()}),
            batch=plan.batch_items,
            directory=self._where / "run",
        )
        if self._way == "known":
            time.sleep(max(0.0, self._onset_at - time.time()))
            self._tell(slow)
        run.wait(PATIENCE_SECONDS)
        makespan = time.time() - began
        values = [(row.key, row.value) for row in run]
        right = {(item, expected(item)) for item in range(plan.items)}
        off = len(right.symmetric_difference(values)) + len(values) - len(set(values))
        log = run.directory / "journal.sqlite"
        return Sat(
            makespan,
            off,
            self._onset_at,
            tuple(slow),
            _events(log, "Finding"),
            _events(log, "SkewChanged"),
        )

    def _slow(self) -> dict[str, float]:
        """Factors, by the names under which the workers joined."""
        joined = [view.worker for view in self._manager.workers()]
        slow = {}
        for number, factor in enumerate(self._round.slow_factors):
            name = f"{self._way}{number}"
            (worker,) = [one for one in joined if one == name or one.startswith(f"{name}-")]
            slow[worker] = factor
        return slow

    def _tell(self, slow: dict[str, float]) -> None:
        """What nobody can know: there is no way to say it from outside."""
        loop = self._manager._loop

        def telling(change: SkewChanged) -> Callable[[], None]:
            return lambda: loop.tell(change)

        for worker, factor in slow.items():
            loop.call(telling(SkewChanged(worker, factor)))


def _events(log: Path, kind: str) -> tuple[Told, ...]:
    with closing(sqlite3.connect(log)) as journal:
        query = "SELECT at, json FROM events WHERE kind = ? ORDER BY seq"
        rows = [(at, json.loads(line)) for at, line in journal.execute(query, (kind,))]
    return tuple(Told(at, what["worker"], what) for at, what in rows)
