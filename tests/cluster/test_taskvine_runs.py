"""Runs behind TaskVine as a user sees them: the same as on the local engine."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import pcm
from tests.cluster.needs import needs_taskvine
from tests.manager.disturbing import assert_exact, crew_changes, events
from tests.manager.workloads import digest, expected, salt

pytestmark = [pytest.mark.cluster, needs_taskvine]


def test_the_same_results_file_as_on_the_local_engine(tmp_path: Path) -> None:
    files = []
    for engine in ("local", "taskvine"):
        with pcm.Manager(engine=engine, workers=2) as manager:
            manager.map(digest, range(200), context=salt(), directory=tmp_path / engine)
        lines = (tmp_path / engine / "results.jsonl").read_text().splitlines()
        rows = [json.loads(line) for line in lines]
        for row in rows:
            assert row.pop("provenance")["worker"]
        files.append(rows)
    assert files[0] == files[1]


def test_two_managers_started_at_the_same_time() -> None:
    managers = [pcm.Manager(engine="taskvine", workers=1) for _ in range(2)]
    try:
        runs = [manager.map(digest, range(100), context=salt()) for manager in managers]
        for run in runs:
            assert {row.key: row.value for row in run} == expected(100)
    finally:
        for manager in managers:
            manager.close()


def test_two_contexts_take_turns_on_one_worker_and_are_loaded_once(tmp_path: Path) -> None:
    @pcm.context
    def noted(value: int, file: str) -> int:
        with Path(file).open("a") as notes:
            notes.write(f"{value}\n")
        return value

    @pcm.task
    def added(value: int, items: Sequence[int]) -> list[int]:
        return [item + value for item in items]

    notes = tmp_path / "loads"
    contexts = [noted(value, str(notes)) for value in (100, 200)]
    with pcm.Manager(engine="taskvine", workers=1) as manager:
        for turn in range(50):
            context, value = contexts[turn % 2], 100 * (1 + turn % 2)
            assert manager.submit(added, turn, context=context).result(timeout=30) == turn + value
    assert sorted(notes.read_text().split()) == ["100", "200"]


def test_large_items_and_results_travel() -> None:
    @pcm.task
    def doubled(_: Any, items: Sequence[str]) -> list[str]:
        return [item * 2 for item in items]

    items = [f"{n}" + "x" * 300_000 for n in range(6)]
    with pcm.Manager(engine="taskvine", workers=1) as manager:
        run = manager.map(doubled, items, context=salt(), batch=3)
        assert {row.key: row.value for row in run} == {n: item * 2 for n, item in enumerate(items)}


def test_functions_of_main_and_closures_travel() -> None:
    offset = 10

    @pcm.task
    def shifted(salt: int, items: Sequence[int]) -> list[int]:
        return [item + salt + offset for item in items]

    with pcm.Manager(engine="taskvine", workers=1) as manager:
        run = manager.map(shifted, range(5), context=salt(1))
        assert {row.key: row.value for row in run} == {n: n + 11 for n in range(5)}


def test_a_failing_item_fails_alone_with_its_own_traceback() -> None:
    @pcm.task
    def picky(_: Any, items: Sequence[int]) -> Iterator[int]:
        for item in items:
            if item == 3:
                raise ValueError("three is right out")
            yield item

    with pcm.Manager(engine="taskvine", workers=1) as manager:
        rows = {row.key: row for row in manager.map(picky, range(6), context=salt())}
    assert [key for key, row in rows.items() if not row.ok] == [3]
    error = rows[3].error
    assert error is not None
    assert 'raise ValueError("three is right out")' in error.traceback
    assert "workers/host" not in error.traceback


def test_a_loader_that_fails_on_one_worker_only(tmp_path: Path) -> None:
    @pcm.context
    def picky_about_workers(flag: str) -> int:
        try:
            os.close(os.open(flag, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            if Path(flag).read_text() == os.environ["PCM_WORKER"]:
                raise
        else:
            Path(flag).write_text(os.environ["PCM_WORKER"])
            raise RuntimeError("this worker has no such weights")
        return 7

    with pcm.Manager(engine="taskvine", workers=2) as manager:
        run = manager.map(
            digest.bind(seconds=0.002),
            range(100),
            context=picky_about_workers(str(tmp_path / "flag")),
            directory=tmp_path / "run",
        )
        rows = list(run)
    assert_exact(run, 100)
    failed = (tmp_path / "flag").read_text()
    assert failed not in {row.worker for row in rows}
    failures = events(run, "ReplicaFailed")
    assert {event["worker"] for event in failures} == {failed}
    assert "this worker has no such weights" in failures[0]["error"]


def test_a_loader_that_fails_ends_the_run_with_its_traceback() -> None:
    @pcm.context
    def broken() -> None:
        raise RuntimeError("no such weights")

    with pcm.Manager(engine="taskvine", workers=1) as manager:
        run = manager.map(digest, range(5), context=broken())
        with pytest.raises(pcm.RunError, match="no such weights"):
            run.wait()


def test_workers_come_and_go_while_a_run_goes_on(tmp_path: Path) -> None:
    with pcm.Manager(engine="taskvine", workers=1) as manager:
        crew_changes(manager, tmp_path)


def test_results_arrive_while_their_batch_runs() -> None:
    with pcm.Manager(engine="taskvine", workers=1) as manager:
        run = manager.map(digest.bind(seconds=0.1), range(15), context=salt(), batch=15)
        next(iter(run))
        progress = run.progress()
        assert progress.finished < 15
        run.cancel()
        run.wait()
