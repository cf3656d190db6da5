"""A writer that is killed at any moment loses nothing that it had committed."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from pcm.journal import Journal, JournalReader
from pcm.journal.schema import JOURNAL_FILE
from tests.journal.runs import items, manifest, success

ITEMS = 200_000

WRITER = """
import sys
from pcm.journal import Journal
from tests.journal.runs import success
journal = Journal.open(sys.argv[1])
open_items = (~journal.finished()).nonzero()[0].tolist()
for start in range(0, len(open_items), 5):
    batch = open_items[start : start + 5]
    journal.record([success(item) for item in batch])
    journal.log([(1.0, "X", b"{}")])
    if start:
        journal.record([success(open_items[0], "again")])
    journal.commit()
    sys.stdout.write(f"{batch[-1]}\\n")
    sys.stdout.flush()
"""

BEGINNER = """
import sys
from pcm.journal import Journal
from tests.journal.runs import items, manifest
journal = Journal.create(sys.argv[1], manifest())
print("created", flush=True)
journal.add_items(items(10_000_000))
"""


def start(script: str, directory: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, str(directory)], stdout=subprocess.PIPE, text=True
    )


def check_whole(directory: Path) -> None:
    connection = sqlite3.connect(directory / JOURNAL_FILE)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()


@pytest.mark.kills
def test_every_committed_row_is_there_after_kill_9(tmp_path: Path) -> None:
    directory = tmp_path / "run"
    with Journal.create(directory, manifest()) as journal:
        journal.add_items(items(ITEMS))
        journal.seal()
    reported = 0
    for lines in (1, 2, 7, 150, 400):
        with start(WRITER, directory) as writer:
            assert writer.stdout is not None
            for _ in range(lines):
                reported = int(writer.stdout.readline())
            os.kill(writer.pid, signal.SIGKILL)
            # It went on until the signal came: what it still told counts, too.
            reported = max([reported, *map(int, writer.stdout.read().split("\n")[:-1])])
        with JournalReader(directory) as reader:
            assert reader.counts().finished >= reported + 1
            assert [row.item for row in reader.rows(limit=ITEMS)] == list(
                range(reader.counts().finished)
            )
        check_whole(directory)
    with Journal.open(directory) as journal:
        assert journal.record([success(0)]) == 0
    with JournalReader(directory) as reader:
        values = {row.value for row in reader.rows_in_order()}
        assert len(values) == reader.counts().finished


@pytest.mark.kills
def test_a_beginning_that_was_killed_is_started_over(tmp_path: Path) -> None:
    directory = tmp_path / "run"
    with start(BEGINNER, directory) as beginner:
        assert beginner.stdout is not None
        beginner.stdout.readline()
        os.kill(beginner.pid, signal.SIGKILL)
    with Journal.create(directory, manifest()) as journal:
        journal.add_items(items(3))
        journal.seal()
        assert journal.item_count == 3
    check_whole(directory)
