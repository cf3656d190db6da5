"""Entries that have left the journal are read from files as if they had not."""

from __future__ import annotations

import gzip
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcm.errors import JournalError
from pcm.journal import Journal, JournalReader
from pcm.journal.parts import parts_of
from pcm.journal.rotation import Rotation
from tests.journal.runs import items, manifest


def entry(number: int) -> tuple[float, str, bytes]:
    return (1000.0 + number, "Odd" if number % 2 else "Even", b'{"n":%d,"text":"\\u00e9"}' % number)


def begun(directory: Path, *, events_limit: int = 10) -> Journal:
    journal = Journal.create(directory, manifest(), events_limit=events_limit)
    journal.add_items(items(1))
    journal.seal()
    return journal


def write(journal: Journal, first: int, last: int, at_once: int = 3) -> None:
    for start in range(first, last + 1, at_once):
        journal.log(map(entry, range(start, min(start + at_once, last + 1))))
        journal.commit()


def kept_in_the_journal(reader: JournalReader) -> int:
    return reader._one("SELECT count(*) FROM events")


def test_old_entries_leave_the_journal_and_are_read_in_order(tmp_path: Path) -> None:
    with begun(tmp_path) as journal:
        write(journal, 1, 100)
        with JournalReader(tmp_path) as reader:
            assert kept_in_the_journal(reader) <= 15 + 3
            assert [tuple(e) for e in reader.events()] == [(n, *entry(n)) for n in range(1, 101)]
            assert [e.seq for e in reader.events(after=37)] == list(range(38, 101))
            assert [e.seq for e in reader.events(after=98)] == [99, 100]
            odd = [e.seq for e in reader.events(after=6, kinds=["Odd"])]
            assert odd == list(range(7, 101, 2))
            assert reader.dropped_events == 0
    parts = parts_of(tmp_path)
    assert [part.first for part in parts][:2] == [1, 6]
    assert {stat.S_IMODE(part.path.stat().st_mode) for part in parts} == {0o600}


def test_a_reader_is_not_disturbed_by_what_leaves_meanwhile(tmp_path: Path) -> None:
    with begun(tmp_path, events_limit=30) as journal, JournalReader(tmp_path) as reader:
        write(journal, 1, 30)
        log, seen = reader.events(), []
        for entry_read in log:
            seen.append(entry_read.seq)
            if entry_read.seq % 30 == 0 and entry_read.seq < 300:
                write(journal, entry_read.seq + 1, entry_read.seq + 30, at_once=30)
        assert seen == list(range(1, 301))


def test_a_reader_that_comes_back_late_finds_what_has_left(tmp_path: Path) -> None:
    with begun(tmp_path) as journal, JournalReader(tmp_path) as reader:
        write(journal, 1, 7)
        after = [e.seq for e in reader.events()][-1]
        write(journal, 8, 90)
        assert [e.seq for e in reader.events(after)] == list(range(8, 91))


def test_what_was_written_out_before_a_kill_is_not_told_twice(tmp_path: Path) -> None:
    """The file is there and the entries are, too: their removal was never committed."""
    with begun(tmp_path, events_limit=1000) as journal:
        write(journal, 1, 40)
        connection = journal._connection
        connection.execute("BEGIN")
        Rotation(tmp_path, connection, events_limit=20, part_events=8).added(0)
        connection.execute("ROLLBACK")
    assert [part.first for part in parts_of(tmp_path)] == [1, 9]
    with JournalReader(tmp_path) as reader:
        assert [e.seq for e in reader.events()] == list(range(1, 41))
    with Journal.open(tmp_path, events_limit=20) as journal:
        write(journal, 41, 60)
    with JournalReader(tmp_path) as reader:
        assert [e.seq for e in reader.events()] == list(range(1, 61))


def test_the_oldest_parts_go_when_they_are_too_much_and_that_is_said(tmp_path: Path) -> None:
    with begun(tmp_path) as journal:
        journal._rotation = Rotation(
            tmp_path, journal._connection, events_limit=10, part_events=5, parts_bytes=500
        )
        write(journal, 1, 100)
    with JournalReader(tmp_path) as reader:
        dropped = reader.dropped_events
        assert 0 < dropped < 90
        assert [e.seq for e in reader.events()] == list(range(dropped + 1, 101))
    sizes = [part.path.stat().st_size for part in parts_of(tmp_path)]
    assert sum(sizes) <= 500


def test_a_disk_that_is_full_costs_nothing_but_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with begun(tmp_path) as journal:
        with monkeypatch.context() as patched:
            patched.setattr("pcm.journal.rotation.write_part", full)
            write(journal, 1, 40)
        assert "No space left" in caplog.text
        assert parts_of(tmp_path) == []
        write(journal, 41, 60)
        assert parts_of(tmp_path) != []
        with JournalReader(tmp_path) as reader:
            assert kept_in_the_journal(reader) <= 18
            assert [e.seq for e in reader.events()] == list(range(1, 61))


def test_a_damaged_part_is_named(tmp_path: Path) -> None:
    with begun(tmp_path) as journal:
        write(journal, 1, 40)
    first = parts_of(tmp_path)[0].path
    whole = first.read_bytes()
    for content in (whole[: len(whole) // 2], b"no gzip", gzip.compress(b"{}\n")):
        first.write_bytes(content)
        with (
            JournalReader(tmp_path) as reader,
            pytest.raises(JournalError, match=r"events-0+1\.jsonl\.gz: is damaged .*; move it"),
        ):
            list(reader.events())
    first.unlink()
    with JournalReader(tmp_path) as reader:
        assert reader.dropped_events == 5
        assert [e.seq for e in reader.events()] == list(range(6, 41))


def test_a_beginning_that_is_thrown_away_takes_its_parts_along(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, manifest(), events_limit=4)
    journal.log(map(entry, range(1, 40)))
    assert parts_of(tmp_path)
    journal.discard()
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=30)
@given(
    limit=st.integers(1, 12),
    bursts=st.lists(st.tuples(st.integers(1, 25), st.booleans()), max_size=8),
)
def test_no_entry_is_lost_or_told_twice(
    tmp_path_factory: pytest.TempPathFactory, limit: int, bursts: list[tuple[int, bool]]
) -> None:
    directory = tmp_path_factory.mktemp("run")
    journal = begun(directory, events_limit=limit)
    told, after, count = [], 0, 0
    with JournalReader(directory) as reader:
        for burst, again in bursts:
            write(journal, count + 1, count + burst, at_once=4)
            count += burst
            told += [e.seq for e in reader.events(after)]
            after = count
            if again:
                journal.close()
                journal = Journal.open(directory, events_limit=limit)
        assert told == list(range(1, count + 1))
        assert [e.seq for e in reader.events()] == told
    journal.close()
