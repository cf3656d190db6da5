"""From journals to the simulator and back."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

import pcm
from pcm.core.commands import Finish, Load, RunOutcome
from pcm.core.events import BatchDone, ItemsDone, RunOpened
from pcm.errors import InputError
from pcm.journal import Journal, JournalReader
from pcm.report.replay import Prediction, predict, replay
from tests.journal.runs import items, manifest, success
from tests.manager.workloads import salt
from tests.report.logs import (
    BEGIN,
    STARTED,
    STOPPED,
    Told,
    added,
    dispatch,
    joined,
    logged,
    warm,
    write,
)


def sitting(begin: float, batch: int, first: int, outcome: RunOutcome | None) -> list[Told]:
    """Two items at a second each, after a load of 4 seconds; None: the manager crashes then."""
    log: list[Told] = [
        (begin, STARTED),
        (begin, RunOpened("run-1", "c")),
        (begin, added(4, finished=first)),
        (begin + 1, joined()),
        (begin + 1, Load("w1", "c", 1)),
        (begin + 5, warm()),
        (begin + 5, dispatch(batch, ((first, first + 2),))),
        (begin + 7, ItemsDone(batch, (0, 1))),
        (begin + 7, BatchDone(batch, run_seconds=2.0)),
    ]
    if outcome:
        log += [(begin + 7, Finish("run-1", outcome, 1)), (begin + 8, STOPPED)]
    return log


def test_the_last_sitting_with_work_is_replayed(tmp_path: Path) -> None:
    again: list[Told] = [
        (90, STARTED),
        (90, RunOpened("run-1", "c")),
        (90, Finish("run-1", "completed", 1)),
        (91, STOPPED),
    ]
    log = [*sitting(0, 1, 0, None), *sitting(50, 1, 2, "completed"), *again]
    with Journal.create(tmp_path, manifest()) as journal:
        journal.add_items(items(4))
        journal.seal()
        journal.log([(entry.at, entry.kind, entry.body) for entry in logged(log)])
        for item in range(4):
            at = BEGIN + (7 if item < 2 else 57)
            journal.record([success(item)._replace(seconds=1.0, at=at)])
    with JournalReader(tmp_path) as reader:
        found = replay(reader)
        prediction = predict(reader)
    run = found.scenario.runs["run-1"]
    assert run.told is not None
    assert run.told.tolist() == [3.0, 4.0]  # item n costs 1 + n
    assert run.costs.tolist() == [1.0, 1.0]
    assert found.makespan_seconds == pytest.approx(7.0)
    assert prediction.predicted_seconds == pytest.approx(7.0, abs=0.1)
    assert prediction.error == pytest.approx(prediction.predicted_seconds / 7.0 - 1.0, abs=1e-6)


@pytest.mark.parametrize("outcome", [None, "cancelled", "failed"])
def test_a_run_that_is_not_done_cannot_be_replayed(
    tmp_path: Path, outcome: RunOutcome | None
) -> None:
    write(tmp_path, sitting(0, 1, 0, outcome), 4)
    with JournalReader(tmp_path) as reader, pytest.raises(InputError, match="nothing to replay"):
        replay(reader)


def test_the_prediction_in_words() -> None:
    text = str(Prediction(20.0, 21.04, 0.052))
    assert text == "replayed in the simulator: 21.0 s predicted, 20.0 s measured (+5.2%)"


@pcm.task
def sleeping(_: int, items: Sequence[float]) -> Iterator[float]:
    for seconds in items:
        time.sleep(seconds)
        yield seconds


def test_a_live_run(tmp_path: Path) -> None:
    seconds = np.random.default_rng(1).lognormal(-5.0, 1.0, 80).tolist()
    with pcm.Manager(workers=2) as manager:
        run = manager.map(
            sleeping, seconds, context=salt(), cost=lambda s: s, directory=tmp_path / "run"
        )
        run.wait()
    with JournalReader(tmp_path / "run") as reader:
        found = replay(reader)
        prediction = predict(reader)
    summary = run.summary()
    assert 0.0 < summary.bound_seconds <= summary.seconds
    assert 0.0 < summary.efficiency <= 1.0
    (work,) = found.scenario.runs.values()
    assert work.told is not None
    assert work.told.tolist() == seconds
    assert len(found.scenario.visits) == 2
    slept = sum(seconds)
    assert float(work.costs.sum()) > 0.5 * slept
    assert prediction.measured_seconds <= summary.seconds
    # No two workers are faster than all that was slept, divided by two.
    assert prediction.predicted_seconds > 0.3 * slept
