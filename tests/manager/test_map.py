"""Runs as a user sees them: rows, keys, resuming, refusing, cancelling, failing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import pcm
from tests.manager.disturbing import crew_changes
from tests.manager.workloads import digest, digest_at_once, expected, salt


def test_every_item_gives_one_row(tmp_path: Path) -> None:
    with pcm.Manager(workers=2) as manager:
        run = manager.map(digest, range(100), context=salt(), directory=tmp_path / "run")
        rows = {row.key: row for row in run}
    assert {key: row.value for key, row in rows.items()} == expected(100)
    # A second attempt is a copy of a late batch, on a busy machine.
    assert all(row.ok and row.attempt in (1, 2) and row.worker for row in rows.values())
    assert run.outcome == "completed"


def test_functions_of_main_and_closures_travel() -> None:
    offset = 10

    @pcm.task
    def shifted(salt: int, items: Sequence[int]) -> list[int]:
        return [item + salt + offset for item in items]

    with pcm.Manager(workers=1) as manager:
        run = manager.map(shifted, range(5), context=salt(1))
        assert {row.key: row.value for row in run} == {n: n + 11 for n in range(5)}


def test_keys_come_from_a_field_or_a_function() -> None:
    items = [{"id": f"claim-{n}", "n": n} for n in range(4)]

    @pcm.task
    def numbers(_: Any, items: Sequence[dict[str, Any]]) -> list[int]:
        return [item["n"] for item in items]

    with pcm.Manager(workers=1) as manager:
        by_field = manager.map(numbers, items, context=salt(), key="id")
        by_function = manager.map(numbers, items, context=salt(), key=lambda item: -item["n"])
        assert {row.key: row.value for row in by_field} == {f"claim-{n}": n for n in range(4)}
        assert {row.key: row.value for row in by_function} == {-n: n for n in range(4)}


def test_bad_items_are_named_and_nothing_is_left(tmp_path: Path) -> None:
    directory = tmp_path / "run"
    with pcm.Manager(workers=0) as manager:
        with pytest.raises(pcm.InputError, match="item 1: has no field 'id'"):
            manager.map(digest, [{"id": 1}, {}], context=salt(), key="id", directory=directory)
        with pytest.raises(pcm.InputError, match="key 1 of item 2 is already the key of item 0"):
            manager.map(
                digest,
                [{"id": 1}, {"id": 2}, {"id": 1}],
                context=salt(),
                key="id",
                directory=directory,
            )
        with pytest.raises(pcm.InputError, match="cost"):
            manager.map(digest, [1], context=salt(), cost=lambda _: -1.0, directory=directory)
        with pytest.raises(pcm.InputError, match="is no recipe"):
            manager.map(digest, [1], context=salt, directory=directory)  # type: ignore[arg-type]
        manager.map(digest, range(3), context=salt(), directory=directory).cancel()


def test_a_finished_run_is_not_computed_again(tmp_path: Path) -> None:
    for _ in range(2):
        with pcm.Manager(workers=1) as manager:
            run = manager.map(digest, range(20), context=salt(), directory=tmp_path / "run")
            assert {row.key: row.value for row in run} == expected(20)


def test_a_changed_run_is_refused_by_name(tmp_path: Path) -> None:
    directory = tmp_path / "run"
    with pcm.Manager(workers=1) as manager:
        manager.map(digest, range(5), context=salt(), directory=directory).wait()
        for changed, words in (
            (lambda: manager.map(digest, range(5), context=salt(8), directory=directory), "value"),
            (
                lambda: manager.map(
                    digest.bind(seconds=0.1), range(5), context=salt(), directory=directory
                ),
                "seconds",
            ),
            (
                lambda: manager.map(digest_at_once, range(5), context=salt(), directory=directory),
                "task",
            ),
            (
                lambda: manager.map(digest, [0, 1, 2, 3, 9], context=salt(), directory=directory),
                "item 4",
            ),
            (lambda: manager.map(digest, range(6), context=salt(), directory=directory), "item"),
        ):
            with pytest.raises(pcm.ChangedRunError, match=words):
                changed()
        again = manager.map(digest, range(5), context=salt(), directory=directory)
        assert {row.key: row.value for row in again.wait()} == expected(5)


def test_a_directory_in_use_is_refused(tmp_path: Path) -> None:
    with pcm.Manager(workers=0) as manager:
        manager.map(digest, range(5), context=salt(), directory=tmp_path / "run")
        with pcm.Manager(workers=0) as other, pytest.raises(pcm.RunInUseError):
            other.map(digest, range(5), context=salt(), directory=tmp_path / "run")
        manager.close()


def test_a_cancelled_run_can_be_resumed(tmp_path: Path) -> None:
    with pcm.Manager(workers=1) as manager:
        run = manager.map(
            digest.bind(seconds=0.005), range(200), context=salt(), directory=tmp_path / "run"
        )
        next(iter(run))
        run.cancel()
        run.wait()
        assert run.outcome == "cancelled"
        assert not (tmp_path / "run" / "results.jsonl").exists()
        done = len(list(run))
        assert 1 <= done < 200
        resumed = manager.resume(tmp_path / "run").wait()
        assert {row.key: row.value for row in resumed} == expected(200)


def test_a_failing_item_fails_alone_with_its_own_traceback() -> None:
    @pcm.task
    def picky(_: Any, items: Sequence[int]) -> Iterator[int]:
        for item in items:
            if item == 3:
                raise ValueError("three is right out")
            yield item

    with pcm.Manager(workers=1) as manager:
        run = manager.map(picky, range(6), context=salt())
        rows = {row.key: row for row in run}
    assert [key for key, row in rows.items() if not row.ok] == [3]
    error = rows[3].error
    assert error is not None
    assert error.type == "ValueError"
    assert 'raise ValueError("three is right out")' in error.traceback
    assert "workers/host" not in error.traceback
    with pytest.raises(pcm.ItemError, match="three is right out"):
        rows[3].result()


def test_failed_items_can_be_tried_again(tmp_path: Path) -> None:
    flag = tmp_path / "mended"

    @pcm.task
    def needs_flag(_: Any, items: Sequence[int], flag: str) -> list[int | Exception]:
        return [n if n != 2 or Path(flag).exists() else OSError("not yet") for n in items]

    with pcm.Manager(workers=1) as manager:
        run = manager.map(
            needs_flag.bind(flag=str(flag)), range(4), context=salt(), directory=tmp_path / "run"
        )
        assert run.wait().summary().failed == 1
        flag.touch()
        assert manager.resume(tmp_path / "run").wait().summary().failed == 1
        resumed = manager.resume(tmp_path / "run", retry_failed=True).wait()
    assert sorted(row.value for row in resumed) == [0, 1, 2, 3]


def test_a_loader_that_raises_ends_the_run_with_its_traceback(tmp_path: Path) -> None:
    @pcm.context
    def broken() -> None:
        raise RuntimeError("no such weights")

    with pcm.Manager(workers=1) as manager:
        run = manager.map(digest, range(5), context=broken(), directory=tmp_path / "run")
        with pytest.raises(pcm.RunError, match="no such weights"):
            run.wait()
    assert run.outcome == "failed"
    assert run.summary().succeeded == 0


def test_a_task_that_always_fails_ends_the_run_early() -> None:
    @pcm.task
    def always(_: Any, items: Sequence[int]) -> list[int]:
        raise TypeError("wrong signature")

    with pcm.Manager(workers=1) as manager:
        run = manager.map(always, range(10_000), context=salt(), failure_limit=10)
        with pytest.raises(pcm.RunError, match="wrong signature"):
            run.wait()


def test_single_calls_give_futures() -> None:
    with pcm.Manager(workers=1) as manager:
        futures = [manager.submit(digest, n, context=salt()) for n in range(20)]
        assert [future.result(timeout=30) for future in futures] == list(expected(20).values())

        @pcm.task
        def picky(_: Any, items: Sequence[int]) -> list[int]:
            raise ValueError(f"not {items[0]}")

        with pytest.raises(pcm.ItemError, match="not 5"):
            manager.submit(picky, 5, context=salt()).result(timeout=30)


def test_a_run_can_be_awaited() -> None:
    async def main() -> list[Any]:
        with pcm.Manager(workers=1) as manager:
            run = manager.map(digest, range(10), context=salt())
            rows = [row async for row in run]
            await run
            return rows

    assert {row.key: row.value for row in asyncio.run(main())} == expected(10)


def test_two_runs_share_a_context_and_the_workers() -> None:
    with pcm.Manager(workers=2) as manager:
        runs = [manager.map(digest, range(50), context=salt(), name=name) for name in ("a", "b")]
        for run in runs:
            assert {row.key: row.value for row in run} == expected(50)


def test_workers_come_and_go_while_a_run_goes_on(tmp_path: Path) -> None:
    with pcm.Manager(workers=1) as manager:
        crew_changes(manager, tmp_path)


def test_an_empty_run_completes_without_workers(tmp_path: Path) -> None:
    with pcm.Manager(workers=0) as manager:
        run = manager.map(digest, [], context=salt(), directory=tmp_path / "run").wait()
    assert (tmp_path / "run" / "results.jsonl").read_text() == ""
    assert run.summary().items == 0


def test_a_closed_manager_answers_instead_of_hanging() -> None:
    manager = pcm.Manager(workers=0)
    run = manager.map(digest, range(3), context=salt())
    waiting = threading.Thread(target=manager.close)
    waiting.start()
    with pytest.raises(pcm.RunError, match="closed"):
        run.wait(timeout=30)
    waiting.join()


def test_a_resumed_run_takes_new_options_and_outputs(tmp_path: Path) -> None:
    directory = tmp_path / "run"
    slowly = digest.bind(seconds=0.02)
    with pcm.Manager(workers=1) as manager:
        run = manager.map(slowly, range(40), context=salt(), directory=directory)
        next(iter(run))
        run.cancel()
        run.wait_settled()
        again = manager.map(
            slowly,
            range(40),
            context=salt(),
            directory=directory,
            batch=1,
            outputs=[pcm.Jsonl("other.jsonl", flat=False)],
        ).wait()
    assert len((directory / "other.jsonl").read_text().splitlines()) == 40
    assert not (directory / "results.jsonl").exists()
    assert {row.key: row.value for row in again} == expected(40)
