"""Full disks, damaged files and foreign files."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pcm.errors import InputError, JournalError
from pcm.journal import Journal, JournalReader, is_run
from pcm.journal.schema import JOURNAL_FILE
from tests.journal.runs import items, manifest, success

LARGE = "x" * 50_000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("mounting is not allowed here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def fill(journal: Journal) -> int:
    """Record and commit large results until the disk is full; returns how many were committed."""
    for item in range(journal.item_count):
        try:
            journal.record([success(item, LARGE)])
            journal.commit()
        except JournalError:
            return item
    raise AssertionError("the disk was not full")


def check_full(directory: Path, journal: Journal) -> None:
    committed = fill(journal)
    assert committed > 0
    with pytest.raises(JournalError, match=r"journal.sqlite: .*(full|disk I/O).*; .*resumed"):
        journal.record([success(committed)])
    with pytest.raises(JournalError):
        journal.finish("failed", "the disk is full", 1.0)
    journal.close()
    with JournalReader(directory) as reader:
        assert [row.item for row in reader.rows()] == list(range(committed))


def test_a_full_file(tmp_path: Path) -> None:
    directory = tmp_path / "run"
    journal = Journal.create(directory, manifest())
    journal.add_items(items(100))
    journal.seal()
    journal._connection.execute("PRAGMA max_page_count = 60")
    check_full(directory, journal)
    with Journal.open(directory) as journal:
        assert journal.record([success(99)]) == 1
    with JournalReader(directory) as reader:
        assert reader.rows()[-1].item == 99


def test_a_full_disk(small_disk: Path) -> None:
    directory = small_disk / "run"
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(600_000))
    journal = Journal.create(directory, manifest())
    journal.add_items(items(100))
    journal.seal()
    check_full(directory, journal)
    ballast.unlink()
    with Journal.open(directory) as journal:
        missing = (~journal.finished()).nonzero()[0].tolist()
        assert journal.record([success(item) for item in missing]) == len(missing)
    with JournalReader(directory) as reader:
        assert [row.item for row in reader.rows_in_order()] == list(range(100))


def test_a_full_disk_while_items_are_added(small_disk: Path) -> None:
    directory = small_disk / "run"
    journal = Journal.create(directory, manifest())
    with pytest.raises(JournalError, match="free some space"):
        journal.add_items(items(1_000_000))
    journal.discard()
    assert not directory.exists()


def test_a_damaged_file(tmp_path: Path) -> None:
    with Journal.create(tmp_path, manifest()) as journal:
        journal.add_items(items(1000))
        journal.seal()
        journal.record([success(item) for item in range(1000)])
    path = tmp_path / JOURNAL_FILE
    content = bytearray(path.read_bytes())
    content[4096 * 3 :] = os.urandom(len(content) - 4096 * 3)
    path.write_bytes(content)
    with (
        pytest.raises(JournalError, match=r"journal\.sqlite: .*malformed.*damaged"),
        JournalReader(tmp_path) as reader,
    ):
        list(reader.rows_in_order())


def test_a_file_that_is_no_database_is_neither_read_nor_overwritten(tmp_path: Path) -> None:
    path = tmp_path / JOURNAL_FILE
    path.write_bytes(b"results that were worth a lot " * 300)
    for begin in (is_run, Journal.open, JournalReader, lambda d: Journal.create(d, manifest())):
        with pytest.raises(JournalError, match="not a database"):
            begin(tmp_path)
    assert path.read_bytes().startswith(b"results that were worth a lot")
    assert not (tmp_path / "lock").exists()


def test_a_foreign_database_is_not_touched(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / JOURNAL_FILE)
    connection.execute("CREATE TABLE precious (x)")
    connection.commit()
    connection.close()
    for begin in (is_run, Journal.open, JournalReader, lambda d: Journal.create(d, manifest())):
        with pytest.raises(InputError, match="not a journal of pcm"):
            begin(tmp_path)


def test_a_journal_of_another_version(tmp_path: Path) -> None:
    with Journal.create(tmp_path, manifest()) as journal:
        journal.seal()
    connection = sqlite3.connect(tmp_path / JOURNAL_FILE)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(InputError, match="format 99"):
        Journal.open(tmp_path)
