from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from workers.inference import keeping
from workers.inference.keeping import keep, kept_place


def test_places_are_below_the_folder_for_caches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert kept_place("models", "a.json") == tmp_path / "pcm" / "models" / "a.json"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert kept_place("models") == tmp_path / ".cache" / "pcm" / "models"


def test_a_file_is_for_its_owner_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "made" / "a.json"
    for content in (b"first", b"second"):
        keep(path, content)
        assert path.read_bytes() == content
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_one_that_writes_in_the_midst_of_another_spoils_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, replace, found = tmp_path / "a.json", os.replace, []

    def after_another(*names: Any) -> None:
        monkeypatch.setattr(keeping.os, "replace", replace)
        keep(path, b"the other's, which is longer")
        found.append(path.read_bytes())
        replace(*names)

    monkeypatch.setattr(keeping.os, "replace", after_another)
    keep(path, b"the one's")
    assert [*found, path.read_bytes()] == [b"the other's, which is longer", b"the one's"]
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.json").mkdir()
    with pytest.raises(IsADirectoryError):
        keep(tmp_path / "a.json", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
