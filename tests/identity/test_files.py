from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

import pcm.identity.files
from pcm.errors import InputError
from pcm.identity.files import WORTH_REMEMBERING_BYTES, digest_file, digest_files

LARGE = bytes(WORTH_REMEMBERING_BYTES)
LONG_AGO = 1_700_000_000


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "pcm" / "file-hashes"


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large.bin"
    path.write_bytes(LARGE)
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files whose content was really read."""
    read: list[Path] = []
    original = pcm.identity.files._hash

    def counted(path: Path) -> str:
        read.append(path)
        return original(path)

    monkeypatch.setattr(pcm.identity.files, "_hash", counted)
    return read


def test_names_and_contents_count_and_the_place_does_not(tmp_path: Path) -> None:
    for place in ("here", "there/deeper"):
        (tmp_path / place / "sub").mkdir(parents=True)
        (tmp_path / place / "a.json").write_text("{}")
        (tmp_path / place / "sub" / "b.bin").write_bytes(b"b")
        (tmp_path / place / ".cache").mkdir()
        (tmp_path / place / ".cache" / "x").write_text(place)
        (tmp_path / place / ".gitattributes").write_text(place)
    here, there = digest_files(tmp_path / "here"), digest_files(tmp_path / "there" / "deeper")
    assert here == there
    assert list(here) == ["a.json", "sub/b.bin"]
    (tmp_path / "here" / "a.json").write_text("{ }")
    assert digest_files(tmp_path / "here") != there


def test_links_are_followed_and_circles_of_them_end(tmp_path: Path) -> None:
    (tmp_path / "blob").write_bytes(b"content")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "w.bin").symlink_to("../blob")
    (tmp_path / "model" / "again").symlink_to(".")
    assert digest_files(tmp_path / "model") == {"w.bin": digest_file(tmp_path / "blob")}


def test_one_file_is_named_by_its_last_name(tmp_path: Path) -> None:
    (tmp_path / "prompt.txt").write_text("p")
    assert list(digest_files(tmp_path / "prompt.txt")) == ["prompt.txt"]


def test_what_is_missing_or_empty_is_reported(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    with pytest.raises(InputError, match="holds no files"):
        digest_files(tmp_path / "model")
    (tmp_path / "model" / "weights").symlink_to("../never-fetched")
    with pytest.raises(InputError, match="weights: cannot be read"):
        digest_files(tmp_path / "model")


def test_a_large_file_is_hashed_once(large: Path, cache: Path, hashed: list[Path]) -> None:
    assert digest_file(large) == digest_file(large)
    assert hashed == [large]
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    assert [stat.S_IMODE(note.stat().st_mode) for note in cache.iterdir()] == [0o600]


def test_a_changed_file_is_hashed_again_even_if_its_time_is_put_back(
    large: Path, hashed: list[Path]
) -> None:
    before = digest_file(large)
    large.write_bytes(LARGE[:-1] + b"x")
    os.utime(large, (LONG_AGO, LONG_AGO))
    assert digest_file(large) != before
    assert len(hashed) == 2


def test_a_file_that_was_just_written_is_not_remembered(large: Path, hashed: list[Path]) -> None:
    os.utime(large)
    digest_file(large)
    digest_file(large)
    assert len(hashed) == 2


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\xfe", b'{"state": [], "digest": 3}'])
def test_a_damaged_memory_is_no_harm(
    large: Path, cache: Path, hashed: list[Path], damage: bytes
) -> None:
    digest = digest_file(large)
    for note in cache.iterdir():
        note.write_bytes(damage)
    assert digest_file(large) == digest
    assert len(hashed) == 2


def test_a_memory_that_others_may_write_is_not_used(large: Path, cache: Path) -> None:
    cache.mkdir(parents=True)
    cache.chmod(0o777)
    digest_file(large)
    assert list(cache.iterdir()) == []


def test_without_a_place_for_a_memory_files_are_hashed(
    large: Path, hashed: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a-file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a-file"))
    assert digest_file(large) == digest_file(large)
    assert len(hashed) == 2
