"""The note in a run's directory: private, and taken away by who wrote it."""

from __future__ import annotations

import stat
from pathlib import Path

from pcm.access import Address, DashboardNote

OURS = DashboardNote.of(Address(port=80), "secret")
OTHERS = DashboardNote.of(Address(port=81), "secret")


def test_it_is_read_as_it_was_written_and_by_its_owner_only(tmp_path: Path) -> None:
    OURS.post(tmp_path)
    assert DashboardNote.read(tmp_path) == OURS
    assert stat.S_IMODE((tmp_path / "dashboard").stat().st_mode) == 0o600


def test_that_of_another_manager_stays(tmp_path: Path) -> None:
    OURS.post(tmp_path)
    OTHERS.post(tmp_path)
    OURS.withdraw(tmp_path)
    assert DashboardNote.read(tmp_path) == OTHERS
    OTHERS.withdraw(tmp_path)
    assert DashboardNote.read(tmp_path) is None
    OTHERS.withdraw(tmp_path)


def test_what_is_no_note_counts_for_nothing(tmp_path: Path) -> None:
    (tmp_path / "dashboard").write_text("{}")
    assert DashboardNote.read(tmp_path) is None
