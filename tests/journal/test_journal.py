from __future__ import annotations

import stat
from pathlib import Path

import msgspec
import numpy as np
import pytest

from pcm.errors import InputError
from pcm.journal import Item, Journal, JournalReader, is_run
from tests.journal.runs import failure, items, manifest, success
from workers.protocol import ErrorReport


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "one"


def sealed(directory: Path, count: int = 10) -> Journal:
    journal = Journal.create(directory, manifest())
    journal.add_items(items(count))
    journal.seal()
    return journal


def test_files_are_private_from_the_start(directory: Path) -> None:
    with sealed(directory) as journal:
        journal.record([success(0)])
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        names = {path.name: stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()}
    assert set(names.values()) == {0o600}
    assert {"journal.sqlite", "journal.sqlite-wal", "run.json", "lock"} <= names.keys()
    assert not (directory / "lock").exists()


def test_items_come_back_as_they_were(directory: Path) -> None:
    with sealed(directory, 7) as journal:
        assert journal.item_count == 7
        assert journal.payloads([(4, 6), (0, 1)]) == [b"payload 4", b"payload 5", b"payload 0"]
        assert journal.costs().tolist() == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
        assert journal.costs().dtype == np.float64
        assert not journal.finished().any()


def test_it_may_be_closed_twice(directory: Path) -> None:
    journal = sealed(directory)
    journal.close()
    journal.close()
    Journal.open(directory).close()


def test_items_may_be_added_one_by_one(directory: Path) -> None:
    with Journal.create(directory, manifest()) as journal:
        assert journal.add_items([]) == 0
        for index in range(3):
            assert journal.add_items(items(1, first=index)) == 1
        with pytest.raises(InputError, match=r'key "key-1" of item 3 .* item 1'):
            journal.add_items(items(1, first=1))
        journal.add_items(items(1, first=3))
        assert journal.payloads([(0, 9)])[-1] == b"payload 3"


@pytest.mark.parametrize("size", [3, 12_000])
def test_a_duplicate_key_names_both_positions(directory: Path, size: int) -> None:
    def stream() -> list[Item]:
        return [*items(size), Item('"key-1"', b"", 1.0), *items(2, first=size)]

    journal = Journal.create(directory, manifest())
    with pytest.raises(InputError, match=rf'key "key-1" of item {size} is .* of item 1'):
        journal.add_items(stream())
    journal.discard()
    assert not directory.exists()
    journal = Journal.create(directory, manifest())
    with pytest.raises(InputError, match=rf'key "key-1" of line {size + 5} is .* of line 6'):
        journal.add_items(stream(), first_line=5)
    journal.close()
    assert not is_run(directory)


def test_keys_of_different_types_differ(directory: Path) -> None:
    with Journal.create(directory, manifest()) as journal:
        assert journal.add_items([Item("1", b"", 1.0), Item('"1"', b"", 1.0)]) == 2


def test_an_unsealed_beginning_is_started_over(directory: Path) -> None:
    with Journal.create(directory, manifest()) as journal:
        journal.add_items(items(3))
    assert not is_run(directory)
    with pytest.raises(InputError, match="never completely written"):
        Journal.open(directory)
    with sealed(directory, 2) as journal:
        assert journal.item_count == 2
    assert is_run(directory)


def test_a_run_is_not_created_twice(directory: Path) -> None:
    sealed(directory).close()
    with pytest.raises(InputError, match="holds a run already"):
        Journal.create(directory, manifest())
    assert is_run(directory)


def test_what_the_stream_raises_passes_through(directory: Path) -> None:
    def stream() -> list[Item]:
        raise ZeroDivisionError

    journal = Journal.create(directory, manifest())
    with pytest.raises(ZeroDivisionError):
        journal.add_items(item for _ in range(1) for item in stream())
    journal.discard()
    assert not directory.exists()


def test_the_first_result_wins(directory: Path) -> None:
    with sealed(directory) as journal:
        assert journal.record([success(3, "first"), success(4)]) == 2
        assert journal.record([success(3, "second"), success(5)]) == 1
        journal.commit()
        with JournalReader(directory) as reader:
            rows = reader.rows()
            assert [row.item for row in rows] == [3, 4, 5]
            assert rows[0].value == msgspec.msgpack.encode("first")
            assert reader.counts().duplicates == 1
        assert journal.finished().nonzero()[0].tolist() == [3, 4, 5]


def test_a_failed_item_keeps_the_error_of_its_last_attempt(directory: Path) -> None:
    with sealed(directory) as journal:
        journal.record([failure(2, "once")])
        journal.record([failure(2, "twice", attempt=2)])
        assert journal.record([success(1)]) == 1
        assert journal.give_up(2, "failed", (), 7.0)
        assert not journal.give_up(2, "failed", (), 8.0)
        assert not journal.give_up(1, "failed", (), 8.0)
        journal.commit()
        assert journal.failed_items() == [2]
        with JournalReader(directory) as reader:
            row = list(reader.rows_in_order())[1]
            assert (row.verdict, row.attempt, row.worker, row.at) == ("failed", 2, "w2", 7.0)
            assert row.error is not None
            assert msgspec.msgpack.decode(row.error, type=ErrorReport).message == "twice"
            assert [attempt.attempt for attempt in reader.attempts(2)] == [1, 2]


def test_a_quarantined_item_gets_its_history(directory: Path) -> None:
    history = ("in flight when w1 died", "in flight when w2 died")
    with sealed(directory) as journal:
        journal.give_up(0, "quarantined", history, 7.0)
        journal.commit()
    with JournalReader(directory) as reader:
        (row,) = reader.rows()
        assert row.verdict == "quarantined"
        assert row.error is not None
        error = msgspec.msgpack.decode(row.error, type=ErrorReport)
        assert error.type == "Quarantined"
        assert error.message.splitlines() == list(history)
        assert reader.counts().quarantined == 1


def test_failures_can_be_forgotten_and_seq_goes_on(directory: Path) -> None:
    with sealed(directory) as journal:
        journal.record([success(0), failure(1)])
        journal.give_up(1, "failed", (), 1.0)
        journal.commit()
        assert journal.forget_failures() == [1]
        assert journal.failed_items() == []
        journal.record([success(1)])
        journal.commit()
        with JournalReader(directory) as reader:
            assert [row.seq for row in reader.rows()] == [1, 3]
            assert [row.item for row in reader.rows(after=2)] == [1]
            assert len(reader.attempts(1)) == 1


def test_resume_finds_items_and_status(directory: Path) -> None:
    with sealed(directory) as journal:
        journal.record([success(4)])
        journal.finish("failed", "no workers", 9.0)
    with JournalReader(directory) as reader:
        status = reader.status
        assert (status.state, status.error, status.ended) == ("failed", "no workers", 9.0)
        assert status.sealed
    with Journal.open(directory) as journal:
        assert journal.item_count == 10
        assert journal.finished().sum() == 1
        assert journal.manifest.items == 10
        assert journal.check_items(items(10)) == []
        with JournalReader(directory) as reader:
            assert reader.status.state == "open"


def test_uncommitted_outcomes_are_committed_on_close_only(directory: Path) -> None:
    with sealed(directory) as journal:
        journal.record([success(0)])
        with JournalReader(directory) as reader:
            assert reader.rows() == []
    with JournalReader(directory) as reader:
        assert len(reader.rows()) == 1


def test_open_needs_a_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a directory"):
        Journal.open(tmp_path / "nothing")
    with pytest.raises(InputError, match="holds no run"):
        Journal.open(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be made"):
        Journal.create(tmp_path / "file" / "run", manifest())


def test_events_are_kept_in_order(directory: Path) -> None:
    with sealed(directory) as journal:
        journal.log([(1.5, "A", b'{"x":1}'), (2.5, "B", b"{}")])
        journal.log([(3.5, "A", '{"x":"ä"}'.encode())])
        journal.commit()
        with JournalReader(directory) as reader:
            everything = list(reader.events())
            assert [(event.at, event.kind) for event in everything] == [
                (1.5, "A"),
                (2.5, "B"),
                (3.5, "A"),
            ]
            assert everything[2].body == '{"x":"ä"}'.encode()
            assert [event.at for event in reader.events(kinds=["A"])] == [1.5, 3.5]
            assert [event.at for event in reader.events(after=everything[1].seq)] == [3.5]


def test_power_safe_journals_work_the_same(directory: Path) -> None:
    with Journal.create(directory, manifest(), durability="power") as journal:
        journal.add_items(items(3))
        journal.seal()
        for item in range(3):
            journal.record([success(item)])
            journal.commit()
    with JournalReader(directory) as reader:
        assert reader.counts().succeeded == 3
