"""A late item is computed a second time by a worker that has nothing better to do."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pcm
from tests.manager.workloads import salt

LATE = 3


def stuck_once(folder: str) -> pcm.Task:
    """The first worker that has the late item never comes to its end."""

    @pcm.task
    def work(_: int, items: Sequence[int], folder: str = folder) -> Iterator[int]:
        for item in items:
            if item == LATE:
                try:
                    (Path(folder) / "begun").touch(exist_ok=False)
                except FileExistsError:
                    yield item * 10
                    continue
                threading.Event().wait()
            time.sleep(0.005)
            yield item * 10

    return work


def test_the_first_result_is_the_row_and_nobody_waits_for_the_other(tmp_path: Path) -> None:
    with pcm.Manager(workers=2) as manager:
        run = manager.map(stuck_once(str(tmp_path)), range(60), context=salt())
        rows = {row.key: row for row in run}
        late = rows[LATE]
        assert late.attempt == 2
        # The manager is as good as before: the worker that hung comes back.
        again = manager.map(stuck_once(str(tmp_path)), range(60), context=salt())
        assert [row.value for row in sorted(again, key=lambda row: row.key)] == [
            item * 10 for item in range(60)
        ]
    assert {key: row.value for key, row in rows.items()} == {n: n * 10 for n in range(60)}
    summary = run.summary()
    assert (summary.succeeded, summary.duplicates) == (60, 0)
