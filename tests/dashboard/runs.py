"""A run's directory as a manager leaves it, with something for every view, and room for more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from pcm.core.commands import GiveUp, Load, Score
from pcm.core.events import (
    BatchDone,
    BatchLost,
    Capacity,
    ItemsDone,
    ReplicaChanged,
    ReplicaFailed,
    RunOpened,
    WorkerJoined,
    WorkerLeft,
)
from pcm.journal import Journal
from pcm.telemetry.findings import Finding
from tests.journal.runs import failure, items, manifest, success
from tests.report.logs import BEGIN, STARTED, STOPPED, Told, added, dispatch, logged

RUN = "run-1"
ITEMS = 20
END_SECONDS = 100.0

HOSTILE = '<script>alert("x")</script>\x00\u202e'


def finding(worker: str = "w1") -> Finding:
    return Finding(
        id=f"hot@{worker}",
        condition="hot",
        name="Too hot",
        worker=worker,
        place="0",
        since_seconds=BEGIN + 20,
        found_seconds=BEGIN + 25,
        evidence={"temperature": 95.0},
        confidence=0.9,
        slowdown=1.5,
        cause="its fan",
        directive="look at the fan",
    )


def story() -> list[Told]:
    """Two workers, one of which is lost with a batch; an item fails, another is quarantined."""
    why = Score("w1", 0.0, 0.0, 4.0, 0.5), Score("w2", 1.0, 0.0, 6.0)
    sent = msgspec.structs.replace(dispatch(1, ((0, 5),)), why=why)
    return [
        (0.0, STARTED),
        (0.0, RunOpened("run-1.1", "c", "the model", "verify")),
        (0.0, added(ITEMS)),
        (1.0, WorkerJoined("w1", Capacity(kind="H100", gpus=1, host="node1", zone="a"))),
        (2.0, WorkerJoined("w2", Capacity(kind="A10", gpus=1, host="node2", zone="b"))),
        (2.0, Load("w1", "c", 1)),
        (2.0, Load("w2", "c", 1)),
        (9.0, ReplicaFailed("w2", "c", "loader_error", "no weights", 7.0)),
        (9.0, Load("w2", "c", 2)),
        (12.0, ReplicaChanged("w1", "c", "gpu", "warm", 10.0, 8 << 30)),
        (19.0, ReplicaChanged("w2", "c", "gpu", "warm", 10.0, 8 << 30)),
        (20.0, sent),
        (20.0, dispatch(2, ((5, 10),), "w2")),
        (25.0, finding()),
        (40.0, ItemsDone(1, (0, 1, 2, 3), (4,))),
        (40.0, BatchDone(1, 20.0)),
        (40.0, GiveUp("run-1.1", 4, "failed", 3)),
        (41.0, dispatch(3, ((10, 15),))),
        (50.0, WorkerLeft("w2", "evicted")),
        (60.0, GiveUp("run-1.1", 5, "quarantined", 4, ("died on w2", "died on w3"))),
        (70.0, ItemsDone(3, (0, 1, 2, 3, 4))),
        (70.0, BatchDone(3, 29.0)),
        (75.0, dispatch(4, ((6, 10), (15, 20)))),
        (90.0, BatchLost(4, "deadline")),
    ]


@contextmanager
def at_work(
    directory: Path, log: Iterable[Told] | None = None, run: str = RUN
) -> Iterator[Journal]:
    """As a manager has it: locked, and open for more."""
    with Journal.create(directory, manifest(run=run)) as journal:
        journal.add_items(items(ITEMS))
        journal.seal()
        journal.record([success(0), success(1)])
        message = f"boom {HOSTILE}"
        journal.record([failure(4, "before"), failure(4, message, type_name="ValueError")])
        journal.give_up(4, "failed", (), BEGIN + 40)
        journal.give_up(5, "quarantined", ("died on w2", "died on w3"), BEGIN + 60)
        log_more(journal, story() if log is None else log)
        yield journal


def log_more(journal: Journal, log: Iterable[Told], begin: float = BEGIN) -> None:
    lines: list[tuple[float, str, bytes]] = [
        (entry.at - BEGIN + begin, entry.kind, entry.body) for entry in logged(log)
    ]
    journal.log(lines)
    journal.commit()


def finished(directory: Path, **more: Any) -> None:
    with at_work(directory, **more) as journal:
        log_more(journal, [(END_SECONDS, STOPPED)])
        journal.finish("completed", "", BEGIN + END_SECONDS)
