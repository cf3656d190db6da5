"""Contexts and tasks that misbehave: the run says so soon, and loses nothing it need not lose."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import pcm
from tests.manager.workloads import digest, digest_at_once, expected, salt


def test_an_item_that_kills_its_replica_is_quarantined_and_all_others_finish() -> None:
    @pcm.task
    def deadly(_: Any, items: Sequence[int]) -> Iterator[int]:
        for item in items:
            if item == 7:
                os.kill(os.getpid(), signal.SIGSEGV)
            yield item

    with pcm.Manager(workers=2) as manager:
        run = manager.map(deadly, range(30), context=salt(), batch=10)
        rows = {row.key: row for row in run}
    assert sorted(key for key, row in rows.items() if row.ok) == [n for n in range(30) if n != 7]
    assert rows[7].error is not None
    assert "signal 11" in str(rows[7].error)
    assert run.summary().quarantined == 1


def test_a_loader_that_hangs_is_ended_and_its_stack_shown() -> None:
    @pcm.context(load_timeout=1.0)
    def endless() -> None:
        threading.Event().wait()

    with pcm.Manager(workers=1) as manager:
        run = manager.map(digest, range(5), context=endless())
        with pytest.raises(pcm.RunError, match="endless"):
            run.wait(timeout=60)


def test_a_loader_whose_process_is_killed_fails_the_run_with_the_signal() -> None:
    @pcm.context
    def greedy() -> None:
        os.kill(os.getpid(), signal.SIGKILL)  # what the kernel does when memory runs out

    with pcm.Manager(workers=1) as manager:
        run = manager.map(digest, range(5), context=greedy())
        with pytest.raises(pcm.RunError, match="signal 9"):
            run.wait(timeout=60)


def test_a_loader_that_fails_on_one_worker_only_costs_that_worker(tmp_path: Path) -> None:
    @pcm.context
    def moody(once: str) -> int:
        try:
            os.close(os.open(once, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return 7
        raise OSError("not on the first try")

    with pcm.Manager(workers=2) as manager:
        run = manager.map(digest, range(50), context=moody(str(tmp_path / "once")))
        assert {row.key: row.value for row in run} == expected(50)


def test_an_item_that_takes_too_long_is_given_up_and_all_others_finish() -> None:
    @pcm.task(item_timeout=0.5)
    def stuck(_: Any, items: Sequence[int]) -> Iterator[int]:
        for item in items:
            if item == 3:
                time.sleep(60)
            yield item

    with pcm.Manager(workers=1) as manager:
        run = manager.map(stuck, range(6), context=salt(), batch=3)
        rows = {row.key: row for row in run}
    assert sorted(key for key, row in rows.items() if row.ok) == [0, 1, 2, 4, 5]


@pytest.mark.parametrize("count", [0, 2])
def test_a_task_with_a_wrong_number_of_results_says_so(count: int) -> None:
    @pcm.task
    def miscounted(_: Any, items: Sequence[int], count: int) -> list[int]:
        return [0] * (count if len(items) == 1 else len(items) + 1)

    with pcm.Manager(workers=1) as manager:
        run = manager.map(miscounted.bind(count=count), range(4), context=salt())
        rows = list(run)
    assert len(rows) == 4
    assert all(
        row.error is not None and f"{count} results for 1 item" in str(row.error) for row in rows
    )


def test_a_result_that_cannot_be_sent_fails_its_item_only() -> None:
    @pcm.task
    def odd(_: Any, items: Sequence[int]) -> list[Any]:
        return [threading.Lock() if item == 1 else item for item in items]

    with pcm.Manager(workers=1) as manager:
        rows = {row.key: row for row in manager.map(odd, range(3), context=salt())}
    assert [key for key, row in sorted(rows.items()) if row.ok] == [0, 2]
    assert "lock" in str(rows[1].error)


def test_an_output_that_cannot_be_written_is_refused_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "a-file").touch()
    with pcm.Manager(workers=0) as manager, pytest.raises(pcm.InputError, match="a-file"):
        manager.map(
            digest_at_once,
            range(3),
            context=salt(),
            directory=tmp_path / "run",
            outputs=[pcm.Jsonl(str(tmp_path / "a-file" / "out.jsonl"))],
        )


def test_a_model_that_is_none_is_named_before_or_at_loading(tmp_path: Path) -> None:
    with pytest.raises(pcm.InputError, match="no-such-model"):
        pcm.language_model(str(tmp_path / "no-such-model"))
    (tmp_path / "junk").mkdir()
    (tmp_path / "junk" / "notes.txt").write_text("no model")
    with pcm.Manager(workers=1) as manager:
        run = manager.map(digest, range(3), context=pcm.language_model(str(tmp_path / "junk")))
        with pytest.raises(pcm.RunError, match="config"):
            run.wait(timeout=100)


def test_single_calls_fail_with_the_loader_and_can_be_tried_again(tmp_path: Path) -> None:
    @pcm.context
    def needs(flag: str) -> int:
        if not Path(flag).exists():
            raise OSError("not yet")
        return 7

    flag = tmp_path / "flag"
    with pcm.Manager(workers=1) as manager:
        with pytest.raises(pcm.RunError, match="not yet"):
            manager.submit(digest, 3, context=needs(str(flag))).result(timeout=30)
        flag.touch()
        value = manager.submit(digest, 3, context=needs(str(flag))).result(timeout=30)
    assert value == expected(4)[3]


def test_an_output_that_fails_at_the_end_leaves_a_run_that_only_has_to_write_it(
    tmp_path: Path,
) -> None:
    directory, out = tmp_path / "run", tmp_path / "out"
    with pcm.Manager(workers=1) as manager:
        run = manager.map(
            digest.bind(seconds=0.02),
            range(30),
            context=salt(),
            directory=directory,
            outputs=[pcm.Jsonl(str(out / "rows.jsonl"))],
        )
        next(iter(run))
        out.touch()  # now the folder cannot be made any more
        with pytest.raises(pcm.PcmError, match=r"rows\.jsonl"):
            run.wait(timeout=60)
        assert run.outcome == "failed"
        out.unlink()
        resumed = manager.resume(directory).wait()
    assert resumed.summary().batches == run.summary().batches
    assert len((out / "rows.jsonl").read_text().splitlines()) == 30


def test_options_go_with_the_name_of_an_engine() -> None:
    from pcm.engines import make_engine

    with pytest.raises(pcm.InputError, match="threads_per_worker"):
        pcm.Manager(make_engine("local"), threads_per_worker=2)
    with pytest.raises(pcm.InputError, match="no such option"):
        pcm.Manager("local", gpu_count=2)
