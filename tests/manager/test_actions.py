"""Runs that are paused, taken up again, drained of workers, and tried again while they go on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

import pcm
from pcm.control import note
from pcm.control.client import act
from pcm.journal import JournalReader
from pcm.journal.entries import ActionTaken
from pcm.journal.kinds import decode
from tests.manager.workloads import salt

PATIENCE_SECONDS = 60.0


@pcm.task
def at_gate(salt: int, items: Sequence[int], directory: str) -> Iterator[int]:
    """Items below 10 fail until the file `mended` is in the directory, those from 100 on wait for
    the file `open`."""
    there = Path(directory)
    for item in items:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while item >= 100 and not (there / "open").exists():
            if time.monotonic() > deadline:
                raise TimeoutError("the gate was not opened")
            time.sleep(0.005)
        if item < 10 and not (there / "mended").exists():
            raise ValueError(f"item {item} is bad")
        yield item


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not come to be"
        time.sleep(0.01)


def begun(manager: pcm.Manager, tmp_path: Path, items: Sequence[int]) -> pcm.Run:
    task = at_gate.bind(directory=str(tmp_path))
    return manager.map(task, items, context=salt(), directory=tmp_path / "run", batch=1)


def actions(directory: Path) -> list[ActionTaken]:
    with JournalReader(directory) as reader:
        found = [decode(entry) for entry in reader.events(kinds=["ActionTaken"])]
    return [one for one in found if isinstance(one, ActionTaken)]


def kinds(directory: Path) -> list[str]:
    with JournalReader(directory) as reader:
        return [entry.kind for entry in reader.events()]


def in_flight(run: pcm.Run) -> int:
    progress = run.progress()
    assert progress is not None
    return progress.in_flight


def test_a_run_rests_while_it_is_paused_and_goes_on_afterwards(tmp_path: Path) -> None:
    with pcm.Manager(workers=1) as manager:
        run = begun(manager, tmp_path, range(100, 130))
        wait_for(lambda: in_flight(run) > 0)
        run.pause()
        (tmp_path / "open").touch()
        wait_for(lambda: in_flight(run) == 0)
        resting = run.progress()
        assert resting is not None
        assert resting.paused
        assert resting.eta_seconds is None
        assert 0 < resting.finished < 30
        assert resting.warm_workers == 1
        run.pause()
        run.unpause()
        assert run.wait().outcome == "completed"
    assert sorted(row.value for row in run) == list(range(100, 130))
    assert [(a.action, a.by, a.done) for a in actions(run.directory)] == [
        ("pause", "program", True),
        ("pause", "program", True),
        ("unpause", "program", True),
    ]
    log = kinds(run.directory)
    assert (log.count("RunPaused"), log.count("RunUnpaused")) == (1, 1)
    run.pause()  # it is over
    run.unpause()


def test_failed_items_are_tried_again_while_the_run_goes_on(tmp_path: Path) -> None:
    with pcm.Manager(workers=2) as manager:
        run = begun(manager, tmp_path, [3, 4, 20, 100])
        rows = iter(run)
        seen = [next(rows) for _ in range(3)]
        assert sorted((row.key, row.ok) for row in seen) == [(0, False), (1, False), (2, True)]
        (tmp_path / "mended").touch()
        assert run.retry_failed() == 2
        assert run.retry_failed() in (0, 2)
        again = [next(rows) for _ in range(2)]
        assert sorted((row.key, row.value) for row in again) == [(0, 3), (1, 4)]
        progress = run.progress()
        assert progress is not None
        assert progress.failed == 0
        assert progress.items_per_second >= 0.0
        (tmp_path / "open").touch()
        assert [row.value for row in rows] == [100]
        with pytest.raises(pcm.InputError, match=r"is over; resume it with retry_failed=True"):
            run.wait().retry_failed()
    with JournalReader(run.directory) as reader:
        assert reader.counts().succeeded == 4
    assert actions(run.directory)[0].text == "2 failed items will be tried again"


def test_failures_of_an_earlier_sitting_are_tried_again_too(tmp_path: Path) -> None:
    with pcm.Manager(workers=1) as manager:
        run = begun(manager, tmp_path, [3, 20, 100])
        wait_for(lambda: (p := run.progress()) is not None and p.finished == 2)
        run.cancel()
        run.wait()
    (tmp_path / "mended").touch()
    with pcm.Manager(workers=1) as manager:
        run = manager.resume(tmp_path / "run")
        assert run.retry_failed() == 1
        (tmp_path / "open").touch()
        progress = run.progress()
        assert progress is None or progress.items_per_second >= 0.0
        run.wait()
    with JournalReader(run.directory) as reader:
        assert reader.counts().succeeded == 3


def test_a_drained_worker_goes_and_another_comes(tmp_path: Path) -> None:
    with pcm.Manager(workers=1) as manager:
        run = begun(manager, tmp_path, [100, 101])
        wait_for(lambda: in_flight(run) > 0)
        (worker,) = manager.workers()
        manager.drain(worker.worker)
        manager.drain(worker.worker)
        (tmp_path / "open").touch()
        run.wait()
        wait_for(lambda: worker.worker not in {view.worker for view in manager.workers()})
        with pytest.raises(pcm.InputError, match="there is no worker 'local-99'"):
            manager.drain("local-99")
    rows = list(run)
    assert len({row.worker for row in rows}) == 2
    taken = actions(run.directory)
    assert [(a.action, a.worker, a.done) for a in taken[:2]] == [
        ("drain", worker.worker, True),
        ("drain", worker.worker, True),
    ]
    assert "1 item in flight" in taken[0].text
    assert "WorkerDrained" in kinds(run.directory)


def test_all_this_can_be_asked_from_outside_by_the_directory(tmp_path: Path) -> None:
    with pcm.Manager(workers=1) as manager:
        run = begun(manager, tmp_path, [3, *range(100, 104)])
        directory = run.directory
        assert note.can_act(directory)
        wait_for(lambda: (p := run.progress()) is not None and p.failed == 1)
        assert act(directory, "pause", by="dashboard").done
        assert act(directory, "pause").text == "the run is paused already"
        assert act(directory, "unpause").done
        assert act(directory, "retry_failed").items == 1
        assert not act(directory, "drain", "nobody").done
        answer = act(directory, "cancel")
        assert answer.done
        assert "pcm resume" in answer.text
        (tmp_path / "open").touch()
        assert run.wait().outcome == "cancelled"
        assert not note.can_act(directory)
        with pytest.raises(pcm.InputError, match="no manager takes requests"):
            act(directory, "pause")
    assert not (directory / "control").exists()
    taken = actions(directory)
    assert [a.action for a in taken] == [
        "pause",
        "pause",
        "unpause",
        "retry_failed",
        "drain",
        "cancel",
    ]
    assert taken[0].by.startswith("dashboard (uid ")
    assert [a.done for a in taken] == [True] * 4 + [False, True]


def test_a_request_for_an_earlier_sitting_is_not_heeded(tmp_path: Path) -> None:
    with pcm.Manager(workers=1) as manager:
        run = begun(manager, tmp_path, [100])
        note.post(run.directory, Path(_note(run).socket), "another.1", 0.0)
        answer = act(run.directory, "cancel")
        assert (answer.done, answer.text) == (
            False,
            "the manager is not at work on that run (any more)",
        )
        (tmp_path / "open").touch()
        assert run.wait().outcome == "completed"


def _note(run: pcm.Run) -> note.Note:
    found = note.read(run.directory)
    assert found is not None
    return found
