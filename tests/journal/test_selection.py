from __future__ import annotations

from typing import Any

import pytest

from pcm.core.commands import Cancel, Dispatch, GiveUp
from pcm.core.events import BatchDone, BatchLost, ItemsDone, ItemsReopened, WorkerLeft
from pcm.journal.selection import Selection
from tests.report.logs import BEGIN, STARTED, Told, dispatch, joined, logged

LOG: list[Told] = [
    (0, STARTED),
    (0, joined("w1")),
    (1, joined("w2")),
    (2, dispatch(1, ((0, 2), (10, 12)), "w1")),
    (3, dispatch(2, ((2, 4),), "w2")),
    (4, ItemsDone(1, (0, 1))),
    (5, ItemsDone(1, (2,), failed=(3,))),
    (6, GiveUp("run-1", 11, "failed", 0)),
    (7, BatchDone(1, 1.0)),
    (8, Cancel(2, "w2", 0, "deadline")),
    (9, BatchLost(2, "deadline")),
    (10, WorkerLeft("w2", "lost")),
    (11, ItemsReopened("run-1", ((11, 12),))),
    (12, STARTED),
    (13, joined("w2")),
    (14, dispatch(1, ((11, 12),), "w2")),
    (15, ItemsDone(1, (0,))),
]


@pytest.mark.parametrize(
    ("wanted", "seconds"),
    [
        ({}, list(range(17))),
        ({"kinds": frozenset({"ManagerStarted", "Cancel"})}, [0, 9, 13]),
        ({"worker": "w1"}, [1, 3, 5, 6, 8]),
        ({"worker": "w2"}, [2, 4, 9, 10, 11, 14, 15, 16]),
        ({"batch": 1}, [3, 5, 6, 8, 15, 16]),
        ({"item": 11}, [3, 6, 7, 8, 12, 15, 16]),
        ({"item": 1}, [3, 5, 8]),
        ({"item": 2}, [4, 9, 10]),
        ({"item": 7}, []),
        ({"item": 11, "worker": "w2"}, [15, 16]),
        ({"batch": 1, "kinds": frozenset({"ItemsDone"})}, [5, 6, 16]),
        ({"worker": "w2", "since": BEGIN + 10}, [11, 14, 15, 16]),
    ],
)
def test_what_is_asked_for_is_found(wanted: dict[str, Any], seconds: list[int]) -> None:
    selection = Selection(**wanted)
    found = [place for place, entry in enumerate(logged(LOG)) if selection.takes(entry)]
    assert found == seconds


def test_the_log_of_these_tests_is_as_managers_write_it() -> None:
    command = LOG[3][1]
    assert isinstance(command, Dispatch)
    assert command.item_count == 4
