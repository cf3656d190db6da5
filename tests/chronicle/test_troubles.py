"""What a person must know: said when it is so, with what to do, and not otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from pcm.chronicle import Chronicle, Trouble
from pcm.core.commands import Finish, GiveUp, Load
from pcm.core.events import (
    BatchDone,
    ItemsDone,
    ProvisionFailed,
    ReplicaFailed,
    RunOpened,
    WorkerLeft,
)
from pcm.journal.entries import ClassStand, GlideinsStand
from pcm.telemetry.findings import Finding
from tests.report.logs import BEGIN, STARTED, STOPPED, Told, added, dispatch, joined, logged, warm

OPENED: list[Told] = [
    (0, STARTED),
    (0, RunOpened("run-1.1", "c", context_name="verifier")),
    (0, added(100)),
]


def troubles(log: list[Told], at: float) -> list[Trouble]:
    chronicle = Chronicle()
    for entry in logged([*OPENED, *log]):
        chronicle.take(entry)
    return chronicle.troubles(BEGIN + at)


def stand(**changes: Any) -> GlideinsStand:
    counts = dict.fromkeys(("wanted", "asked", "queued", "running", "joined", "held"), 0)
    holds: dict[str, int] = {}
    return GlideinsStand((ClassStand(**{"name": "a100", "holds": holds, **counts, **changes}),))


def finding(**changes: Any) -> Finding:
    told: dict[str, Any] = {
        "id": "f",
        "condition": "PC3",
        "name": "GPU throttled",
        "worker": "w1",
        "place": "",
        "since_seconds": BEGIN + 2,
        "found_seconds": BEGIN + 4,
        "evidence": {},
        "confidence": 0.9,
        "slowdown": 2.0,
        "cause": "heat",
        "directive": "look at its fans",
    }
    return Finding(**{**told, **changes})


CASES: dict[str, tuple[list[Told], float, str, str]] = {
    "no workers": ([(1, joined()), (2, WorkerLeft("w1", "lost"))], 60, "bad", "no workers for"),
    "none ever came": ([], 60, "bad", "no workers for"),
    "they cannot start": (
        [(5, ProvisionFailed("local", 1, "no such image"))],
        60,
        "bad",
        "no such image",
    ),
    "all held": (
        [(1, joined()), (3, stand(held=4, holds={"disk quota exceeded": 3, "other": 1}))],
        9,
        "bad",
        "all 4 glideins of a100 are held: disk quota exceeded",
    ),
    "some held": (
        [(1, joined()), (3, stand(held=1, running=3, joined=3, holds={"quota": 1}))],
        9,
        "warning",
        "1 glidein of a100 held: quota",
    ),
    "glideins do not come": (
        [(3, stand(queued=2, trouble="no machine matches"))],
        9,
        "bad",
        "no machine matches",
    ),
    "a context loads nowhere": (
        [
            (1, joined()),
            (1, Load("w1", "c", 1)),
            (4, ReplicaFailed("w1", "c", "loader_error", "Traceback:\n  x\nOSError: no weights")),
        ],
        9,
        "bad",
        "context verifier loads nowhere: OSError: no weights",
    ),
    "a context loads elsewhere": (
        [
            (1, joined()),
            (1, joined("w2")),
            (1, Load("w1", "c", 1)),
            (2, warm("w2")),
            (4, ReplicaFailed("w1", "c", "loader_error", "OSError: no weights")),
        ],
        9,
        "warning",
        "context verifier failed to load once",
    ),
    "workers are lost": (
        [
            *((1, joined(f"w{n}")) for n in range(5)),
            *((5.0 + n, WorkerLeft(f"w{n}", "lost")) for n in range(3)),
        ],
        9,
        "warning",
        "3 workers were lost in 9.0 s, 3 of them at here",
    ),
    "a worker is of no use": (
        [(1, joined()), (1, joined("w2")), (2, WorkerLeft("w1", "refused", "protocol 3"))],
        9,
        "warning",
        "1 worker was of no use in 9.0 s: protocol 3",
    ),
    "slow": ([(1, joined()), (4, finding())], 9, "warning", "w1 is 2.0 times slower"),
    "items fail": (
        [
            (1, joined()),
            (1, warm()),
            (2, dispatch(1, ((0, 10),))),
            (3, ItemsDone(1, (0, 1, 2, 3, 4, 5, 6, 7, 8), (9,))),
            (3, BatchDone(1, 1.0)),
            (3, GiveUp("run-1.1", 9, "failed", 1)),
        ],
        9,
        "warning",
        "1 item failed, 10.0% of those that are done",
    ),
    "nothing comes": (
        [(1, joined()), (1, warm()), (2, dispatch(1, ((0, 10),)))],
        100,
        "bad",
        "no result for",
    ),
    "it failed": (
        [(5, Finish("run-1.1", "failed", 1, "disk is full")), (5, STOPPED)],
        5,
        "bad",
        "the run failed: disk is full",
    ),
    "it was left": ([(5, STOPPED)], 5, "bad", "its manager stopped"),
    "it was cancelled": ([(5, Finish("run-1.1", "cancelled", 1))], 5, "note", "cancelled"),
}


@pytest.mark.parametrize("case", CASES)
def test_is_said(case: str) -> None:
    log, at, grade, what = CASES[case]
    found = troubles(log, at)
    (said,) = [trouble for trouble in found if what in trouble.what]
    assert said.grade == grade
    assert said.mend
    assert len(found) == 1 or case in ("they cannot start",)


def test_the_worst_comes_first() -> None:
    log = [*CASES["all held"][0], *CASES["slow"][0][1:]]
    assert [trouble.grade for trouble in troubles(log, 9)] == ["bad", "warning"]


QUIET: dict[str, tuple[list[Told], float]] = {
    "it has just begun": ([], 10),
    "it works": ([(1, joined()), (1, warm()), (2, dispatch(1, ((0, 10),)))], 5),
    "what was slow is over": (
        [(1, joined()), (4, finding()), (8, finding(until_seconds=BEGIN + 8))],
        9,
    ),
    "it is done, and its workers went": (
        [(1, joined()), (3, WorkerLeft("w1", "retired")), (4, Finish("run-1.1", "completed", 1))],
        500,
    ),
    "before it happened": (CASES["all held"][0], 2),
}


@pytest.mark.parametrize("case", QUIET)
def test_nothing_is_said(case: str) -> None:
    assert troubles(*QUIET[case]) == []


def test_a_crash_is_known_to_the_caller_only() -> None:
    chronicle = Chronicle()
    for entry in logged([*OPENED, (1, joined())]):
        chronicle.take(entry)
    assert chronicle.troubles(BEGIN + 5) == []
    (said,) = chronicle.troubles(BEGIN + 5, "interrupted")
    assert "resume" in said.mend
