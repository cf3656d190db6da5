"""The note by which workers from outside find the manager of a run."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

import pcm
from pcm.engines.invitation import NOTE_FILE, PASSWORD_FILE, Invitation, Note, read
from pcm.engines.local import LocalEngine
from tests.manager.processes import DEADLINE_SECONDS
from tests.manager.workloads import digest, expected, salt


class Open(LocalEngine):
    """A local engine that says that it takes workers from outside."""

    takes_workers_from_outside = True

    def __init__(self, password_file: Path) -> None:
        super().__init__(workers=1)
        self.offered: Invitation | None = Invitation(9001, str(password_file))

    def invitation(self) -> Invitation | None:
        return self.offered


@pytest.fixture
def engine(tmp_path: Path) -> Open:
    (tmp_path / "secret").write_text("open sesame")
    return Open(tmp_path / "secret")


def eventually(find: Callable[[], Note | None], right: Callable[[Note], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while (note := find()) is None or not right(note):
        assert time.monotonic() < deadline, note
        time.sleep(0.01)


def test_it_is_there_as_long_as_the_run_is_worked_on(tmp_path: Path, engine: Open) -> None:
    where = tmp_path / "run"
    with pcm.Manager(engine, workers=0) as manager:
        run = manager.map(digest, range(20), context=salt(), directory=where)
        assert manager.invitation() is engine.offered
        note = read(where)
        assert note is not None
        assert note.port == 9001
        assert (where / PASSWORD_FILE).read_text() == "open sesame"
        manager.resize(1)
        run.wait()
        assert read(where) is None
    assert not (where / PASSWORD_FILE).exists()


def test_it_is_gone_when_the_manager_is_closed_too_early(tmp_path: Path, engine: Open) -> None:
    where = tmp_path / "run"
    manager = pcm.Manager(engine, workers=0)
    manager.map(digest, range(20), context=salt(), directory=where)
    manager.close()
    assert read(where) is None


def test_it_is_renewed_when_the_engine_has_moved(tmp_path: Path, engine: Open) -> None:
    where = tmp_path / "run"
    with pcm.Manager(engine, workers=0) as manager:
        manager.map(digest, range(20), context=salt(), directory=where)
        engine.offered = Invitation(9002, str(tmp_path / "secret"))
        engine.wake()
        eventually(lambda: read(where), lambda note: note.port == 9002)
        manager.resize(1)


def test_one_that_a_dead_manager_left_is_removed(tmp_path: Path) -> None:
    where = tmp_path / "run"
    where.mkdir()
    (where / NOTE_FILE).write_text("of a dead manager")
    with pcm.Manager("local", workers=1) as manager:
        run = manager.map(digest, range(20), context=salt(), directory=where)
        assert manager.invitation() is None
        assert read(where) is None
        assert {row.key: row.value for row in run} == expected(20)


def test_a_password_that_cannot_be_read_is_no_reason_to_stop(
    tmp_path: Path, engine: Open, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "secret").unlink()
    with pcm.Manager(engine, workers=1) as manager:
        run = manager.map(digest, range(20), context=salt(), directory=tmp_path / "run")
        assert {row.key: row.value for row in run} == expected(20)
    assert "`pcm worker` will not find the manager" in caplog.text
