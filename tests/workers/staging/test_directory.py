"""Whose directory a store may be in."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from workers.staging import directory
from workers.staging.errors import StagingError


def test_it_is_made_for_this_user_alone(tmp_path: Path) -> None:
    cache = tmp_path / "a" / "cache"
    directory.prepare(str(cache))
    assert {path.name for path in cache.iterdir()} == set(directory.FOLDERS)
    for path in (cache, *cache.iterdir()):
        assert path.stat().st_mode & 0o777 == 0o700
    directory.prepare(str(cache))


@pytest.mark.parametrize("place", [".", "files"])
def test_one_that_others_can_write_is_refused(tmp_path: Path, place: str) -> None:
    directory.prepare(str(tmp_path / "cache"))
    (tmp_path / "cache" / place).chmod(0o770)
    with pytest.raises(StagingError, match=r"mode 770.*chmod go-w, or give .* --cache"):
        directory.prepare(str(tmp_path / "cache"))


def test_one_that_others_can_read_is_not(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir(mode=0o755)
    directory.prepare(str(tmp_path / "cache"))


def test_one_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory.prepare(str(tmp_path))
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.raises(StagingError, match=r"belongs to another user.*--cache"):
        directory.prepare(str(tmp_path))


def test_a_link_that_another_user_made_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ours").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to("ours")
    directory.prepare(str(tmp_path / "link"))
    lstat = os.lstat

    def of_another(path: str) -> os.stat_result:
        fields = list(lstat(path))
        fields[4] = 12345  # st_uid
        return os.stat_result(fields)

    monkeypatch.setattr(os, "lstat", of_another)
    with pytest.raises(StagingError, match="belongs to another user"):
        directory.prepare(str(tmp_path / "link"))


def test_one_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StagingError, match=r"cannot be used: .*--cache"):
        directory.prepare(str(tmp_path / "file" / "cache"))


def test_where_it_is_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PCM_CACHE", raising=False)
    expected = os.path.join(tempfile.gettempdir(), f"pcm-cache-{os.getuid()}")
    assert directory.default_directory() == expected
    monkeypatch.setenv("PCM_CACHE", "/local/cache")
    assert directory.default_directory() == "/local/cache"
