from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pcm.errors import InputError
from pcm.journal import Journal, JournalReader, is_run
from pcm.journal.reader import PAGE_ROWS
from tests.journal.runs import failure, items, manifest, success


def test_what_holds_no_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "journal.sqlite").touch()
    for path in (tmp_path, tmp_path / "file", tmp_path / "nothing"):
        assert not is_run(path)
        with pytest.raises(InputError, match="holds no run"):
            JournalReader(path)


def test_reading_while_writing(tmp_path: Path) -> None:
    with Journal.create(tmp_path, manifest()) as journal:
        journal.add_items(items(100))
        with JournalReader(tmp_path) as reader:
            assert not reader.status.sealed
            assert reader.counts().items == 100
            assert reader.manifest.name == "test"
            journal.seal()
            after, seen = 0, []
            for item in range(0, 100, 2):
                journal.record([success(99 - item), success(98 - item)])
                journal.commit()
                rows = reader.rows(after)
                after = rows[-1].seq
                seen += [row.item for row in rows]
            assert seen == list(range(99, -1, -1))
            assert [row.item for row in reader.rows_in_order()] == list(range(100))
            assert reader.status.sealed


def test_pages_are_joined(tmp_path: Path) -> None:
    count = 2 * PAGE_ROWS + 1
    with Journal.create(tmp_path, manifest()) as journal:
        journal.add_items(items(count))
        journal.record([success(item) for item in range(count)])
        journal.log([(float(number), "E", b"{}") for number in range(count)])
        journal.commit()
        with JournalReader(tmp_path) as reader:
            assert sum(1 for _ in reader.rows_in_order()) == count
            assert [event.at for event in reader.events()] == list(range(count))
            assert len(reader.rows(limit=7)) == 7


def test_counts(tmp_path: Path) -> None:
    with Journal.create(tmp_path, manifest()) as journal:
        journal.add_items(items(6))
        journal.record([success(0), success(0), success(1), failure(2), failure(3)])
        journal.give_up(2, "failed", (), 1.0)
        journal.give_up(4, "quarantined", ("died",), 1.0)
    with JournalReader(tmp_path) as reader:
        counts = reader.counts()
    assert counts.items == 6
    assert counts.finished == 4
    assert counts.remaining == 2
    assert (counts.succeeded, counts.failed, counts.quarantined) == (2, 1, 1)
    assert (counts.duplicates, counts.failed_attempts) == (1, 2)


def test_the_last_times_are_those_of_the_rows_that_came_last(tmp_path: Path) -> None:
    with Journal.create(tmp_path, manifest()) as journal:
        journal.add_items(items(5))
        journal.record([success(item)._replace(at=10.0 - item) for item in (3, 1, 4, 2)])
    with JournalReader(tmp_path) as reader:
        assert reader.last_times(3) == [9.0, 6.0, 8.0]
        assert reader.last_times() == [7.0, 9.0, 6.0, 8.0]


def test_slowest(tmp_path: Path) -> None:
    with Journal.create(tmp_path, manifest()) as journal:
        journal.add_items(items(5))
        for item, seconds in enumerate([0.1, 5.0, 0.2, 9.0, 0.3]):
            journal.record([success(item)._replace(seconds=seconds)])
    with JournalReader(tmp_path) as reader:
        assert [row.item for row in reader.slowest(2)] == [3, 1]
        assert reader.item_of('"key-3"') == 3
        assert reader.item_of('"nothing"') is None


READ = """
import os, sys
from pcm.journal import JournalReader
os.setgid(65534); os.setuid(65534)
with JournalReader(sys.argv[1]) as reader:
    print(reader.counts().finished)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
@pytest.mark.parametrize("read_before", [False, True])
def test_a_finished_run_can_be_read_where_nothing_can_be_written(read_before: bool) -> None:
    with tempfile.TemporaryDirectory() as place:
        with Journal.create(place, manifest()) as journal:
            journal.add_items(items(3))
            journal.record([success(0)])
        if read_before:
            JournalReader(place).close()
        os.chmod(Path(place) / "journal.sqlite", 0o444)
        os.chmod(place, 0o555)
        done = subprocess.run(
            [sys.executable, "-c", READ, place], capture_output=True, text=True, check=False
        )
        assert done.stdout == "1\n", done.stderr
