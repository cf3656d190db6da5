from __future__ import annotations

import io
import json
from pathlib import Path

import msgspec
from rich.console import Console

from pcm.core.events import BatchDone, ItemsDone, RunOpened
from pcm.journal import Journal, JournalReader
from pcm.report import account, summarise
from pcm.report.text import render
from tests.journal.runs import items, manifest, success
from tests.report.logs import (
    STARTED,
    STOPPED,
    Told,
    accounts_of,
    added,
    dispatch,
    joined,
    warm,
    write,
)

LOG: list[Told] = [
    (0, STARTED),
    (0, RunOpened("run-1", "c", context_name="verifier[7b]")),
    (0, added(20)),
    (0, joined("w[1]")),
    (0, warm("w[1]")),
    (1, dispatch(1, ((0, 4),), "w[1]")),
    (3, ItemsDone(1, (0, 1, 2, 3))),
    (3, BatchDone(1, run_seconds=1.5)),
    (4000, STOPPED),
]


def shown(directory: Path, *, width: int) -> str:
    out = io.StringIO()
    render(accounts_of(directory, LOG), Console(file=out, width=width))
    return out.getvalue()


def test_the_tables(tmp_path: Path) -> None:
    text = shown(tmp_path, width=120)
    assert "test: open; 0 of 20 items finished" in text
    assert "1 h 6 min" in text
    row = next(line.split() for line in text.splitlines() if line.startswith("w[1]"))
    assert row == ["w[1]", "cpu", "1.5", "0.0", "0.0", "3,998.5", "0.0", "4", "1", "0"]
    assert "verifier[7b]" in text
    assert "batches: 1, 0 of them lost; 4 to 4 items, median 4" in text
    assert "overhead: 500.00 ms per batch (median)" in text
    assert "bound 1.5 s: no scheduler could have been faster; this run took 1 h 6 min" in text
    assert "0.0% lost, 100.0% idle with work waiting, 0.0% without work" in text


def test_a_narrow_terminal_loses_nothing(tmp_path: Path) -> None:
    assert "3,998.5" in shown(tmp_path, width=80)
    assert "3,998.5" in shown(tmp_path / "again", width=64)


def test_a_run_without_work_can_be_shown(tmp_path: Path) -> None:
    out = io.StringIO()
    render(accounts_of(tmp_path, []), Console(file=out))
    assert "0 of 20 items" in out.getvalue()


def test_slow_items_and_plain_data(tmp_path: Path) -> None:
    with Journal.create(tmp_path, manifest()) as journal:
        journal.add_items(items(3))
        journal.record([success(item)._replace(seconds=float(item)) for item in range(3)])
    with JournalReader(tmp_path) as reader:
        accounts = account(reader)
    assert [item.key for item in accounts.slowest] == ["key-2", "key-1", "key-0"]
    out = io.StringIO()
    render(accounts, Console(file=out, width=100))
    assert "key-2" in out.getvalue()
    assert json.loads(json.dumps(accounts.to_dict()))["slowest"][0]["seconds"] == 2.0


def test_the_summary(tmp_path: Path) -> None:
    write(tmp_path, LOG)
    with JournalReader(tmp_path) as reader:
        summary = summarise(reader)
    assert (summary.items, summary.workers, summary.batches) == (20, 1, 1)
    assert summary.useful_seconds == 1.5
    assert (summary.idle_seconds, summary.no_work_seconds) == (3998.5, 0.0)
    assert summary.bound_seconds == 1.5  # warm from the start, as fast as it was
    assert summary.efficiency == summary.bound_seconds / 4000.0
    assert summary.overhead_seconds_per_batch == 0.5
    assert summary.to_dict() == msgspec.to_builtins(summary)
