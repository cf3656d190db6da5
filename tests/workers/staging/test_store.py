"""Files come whole into a store or not at all, whatever happens to it and to those who write."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workers.staging.files import MODIFIED_NS, digest, staged
from tests.workers.staging.neighbour import Neighbour
from workers.staging import store as module
from workers.staging.errors import StagingError, Stopped
from workers.staging.store import Store

CONTENT = bytes(range(256)) * 40
FILE = staged(CONTENT)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def store(cache: Path) -> Iterator[Store]:
    store = Store(str(cache))
    yield store
    store.close()


def end_and_start(store: Store) -> None:
    """The worker ends, and another one uses the store; it knows nothing but what is on the disk."""
    store.close()


def filled(store: Store) -> Path:
    assert store.take(FILE) == "part"
    assert store.append(FILE, 0, CONTENT) == "whole"
    return Path(store.path(FILE.digest))


def left(cache: Path) -> set[str]:
    return {
        str(path.relative_to(cache))
        for path in cache.rglob("*")
        if path.is_file() and path.parent.name != "locks"
    }


# -- pieces --------------------------------------------------------------------------------------


def test_pieces_become_a_file(store: Store, cache: Path) -> None:
    assert store.take(FILE) == "part"
    assert store.have_bytes(FILE.digest) == 0
    assert store.append(FILE, 0, CONTENT[:100]) == "wanted"
    assert store.append(FILE, 100, CONTENT[100:5000]) == "wanted"
    assert store.have_bytes(FILE.digest) == 5000
    assert store.append(FILE, 5000, CONTENT[5000:]) == "whole"
    assert store.take(FILE) == "whole"
    path = Path(store.path(FILE.digest))
    assert path.read_bytes() == CONTENT
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_mtime_ns == MODIFIED_NS
    assert left(cache) == {f"files/{FILE.digest}", f"notes/{FILE.digest}"}


def test_a_piece_that_does_not_fit_on_is_left_alone(store: Store) -> None:
    store.take(FILE)
    store.append(FILE, 0, CONTENT[:100])
    for offset in (0, 99, 101):
        assert store.append(FILE, offset, CONTENT[:50]) == "wanted"
        assert store.have_bytes(FILE.digest) == 100
    assert store.append(FILE, 100, CONTENT[100:]) == "whole"


@pytest.mark.parametrize(
    "wrong", [CONTENT[:-1] + b"?", CONTENT + b"?"], ids=["content", "too long"]
)
def test_what_is_wrong_is_thrown_away(store: Store, wrong: bytes) -> None:
    store.take(FILE)
    store.append(FILE, 0, wrong[:200])
    assert store.append(FILE, 200, wrong[200:]) == "damaged"
    assert store.take(FILE) == "part"
    assert store.have_bytes(FILE.digest) == 0
    assert store.append(FILE, 0, CONTENT) == "whole"


def test_an_empty_file_is_there_at_once(store: Store) -> None:
    empty = staged(b"")
    assert store.take(empty) == "whole"
    assert Path(store.path(empty.digest)).read_bytes() == b""


def test_a_part_is_continued_after_a_new_start(store: Store) -> None:
    store.take(FILE)
    store.append(FILE, 0, CONTENT[:777])
    end_and_start(store)
    assert store.take(FILE) == "part"
    assert store.have_bytes(FILE.digest) == 777
    assert store.append(FILE, 777, CONTENT[777:]) == "whole"


@pytest.mark.parametrize("size", [len(CONTENT), len(CONTENT) + 1, 10], ids=str)
def test_a_part_that_was_changed_between_two_starts_is_found_out(
    store: Store, cache: Path, size: int
) -> None:
    store.take(FILE)
    store.append(FILE, 0, CONTENT[:777])
    end_and_start(store)
    (cache / "parts" / FILE.digest).write_bytes(b"?" * size)
    assert store.take(FILE) == "part"
    have = store.have_bytes(FILE.digest)
    assert have == (10 if size == 10 else 0)
    assert store.append(FILE, have, CONTENT[have:]) == ("damaged" if have else "whole")


def test_a_full_part_whose_check_did_not_come_is_checked(store: Store, cache: Path) -> None:
    (cache / "parts" / FILE.digest).write_bytes(CONTENT)
    assert store.take(FILE) == "whole"


def test_a_part_that_changes_under_our_hands_is_found_out(store: Store, cache: Path) -> None:
    store.take(FILE)
    store.append(FILE, 0, CONTENT[:777])
    part = cache / "parts" / FILE.digest
    part.write_bytes(b"?" * 777)
    os.utime(part, ns=(1, 1))
    assert store.append(FILE, 777, CONTENT[777:]) == "damaged"


def test_a_piece_that_could_not_be_written_is_brought_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.take(FILE)
    store.append(FILE, 0, CONTENT[:100])
    write = os.write
    for written in (50, 0):

        def full(descriptor: int, data: bytes, written: int = written) -> int:
            write(descriptor, data[:written])
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "write", full)
        have_bytes = store.have_bytes(FILE.digest)
        with pytest.raises(OSError, match="No space left"):
            store.append(FILE, have_bytes, CONTENT[have_bytes:])
        monkeypatch.setattr(os, "write", write)
    assert store.have_bytes(FILE.digest) == 150
    assert store.append(FILE, 150, CONTENT[150:]) == "whole"


# -- whole files ---------------------------------------------------------------------------------


def test_a_fetched_file_is_linked(store: Store, tmp_path: Path, cache: Path) -> None:
    source = tmp_path / "fetched"
    source.write_bytes(CONTENT)
    (tmp_path / "link").symlink_to("fetched")
    store.take(FILE)
    store.append(FILE, 0, CONTENT[:100])
    assert store.adopt(FILE, str(tmp_path / "link")) == "whole"
    assert store.take(FILE) == "whole"
    path = Path(store.path(FILE.digest))
    assert path.samefile(source)
    assert path.stat().st_mode & 0o777 == 0o600
    assert left(cache) == {f"files/{FILE.digest}", f"notes/{FILE.digest}"}


def test_a_fetched_file_of_another_disk_is_copied(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", not_here)
    source = tmp_path / "fetched"
    source.write_bytes(CONTENT)
    store.take(FILE)
    assert store.adopt(FILE, str(source)) == "whole"
    path = Path(store.path(FILE.digest))
    assert not path.samefile(source)
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("wrong", [CONTENT[:-1], CONTENT[:-1] + b"?"], ids=["short", "content"])
@pytest.mark.parametrize("linked", [True, False])
def test_a_fetched_file_that_is_wrong_is_not_kept(
    store: Store,
    tmp_path: Path,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    wrong: bytes,
    linked: bool,
) -> None:
    if not linked:
        monkeypatch.setattr(os, "link", not_here)
    source = tmp_path / "fetched"
    source.write_bytes(wrong)
    store.take(FILE)
    store.append(FILE, 0, CONTENT[:100])
    assert store.adopt(FILE, str(source)) == "damaged"
    assert left(cache) == {f"parts/{FILE.digest}"}
    assert store.have_bytes(FILE.digest) == 100


def not_here(*_: object, **__: object) -> None:
    raise OSError(18, "Invalid cross-device link")


# -- files that are there ------------------------------------------------------------------------


def test_a_file_is_hashed_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(store)
    end_and_start(store)
    monkeypatch.setattr(module, "digest_of", None)  # It would raise.
    assert store.take(FILE) == "whole"


def test_a_file_that_was_touched_is_hashed_again(store: Store) -> None:
    os.utime(filled(store))
    end_and_start(store)
    assert store.take(FILE) == "whole"


def test_a_file_without_a_note_is_hashed_again(store: Store, cache: Path) -> None:
    filled(store)
    note = cache / "notes" / FILE.digest
    for damage in (b"", b"\xff", b"[1,2,3]"):
        end_and_start(store)
        note.write_bytes(damage)
        assert store.take(FILE) == "whole"
        assert len(note.read_bytes()) > len(damage)


@pytest.mark.parametrize("content", [CONTENT[:-1], b"", CONTENT[:-1] + b"?"])
def test_a_file_that_was_damaged_is_wanted_again(store: Store, content: bytes) -> None:
    path = filled(store)
    end_and_start(store)
    path.write_bytes(content)
    assert store.take(FILE) == "part"
    assert not path.exists()
    assert store.append(FILE, 0, CONTENT) == "whole"


def test_a_file_that_was_removed_is_wanted_again(store: Store) -> None:
    filled(store).unlink()
    end_and_start(store)
    assert store.take(FILE) == "part"


def test_long_work_is_given_up_when_the_worker_ends(store: Store, cache: Path) -> None:
    os.utime(filled(store))
    store.close()
    ending = Store(str(cache), stop=lambda: True)
    with pytest.raises(Stopped):
        ending.take(FILE)
    ending.close()
    assert store.take(FILE) == "whole"


# -- publishing ----------------------------------------------------------------------------------


def test_a_file_is_published_as_a_link(store: Store, tmp_path: Path) -> None:
    path, target = filled(store), tmp_path / "staged"
    store.publish(FILE.digest, str(target))
    assert target.samefile(path)
    store.release(FILE.digest)
    target.unlink()
    store.publish(FILE.digest, str(target))
    assert target.samefile(path)


def test_a_file_is_published_as_a_copy_on_another_disk(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, target = filled(store), tmp_path / "staged"
    monkeypatch.setattr(os, "link", not_here)
    store.publish(FILE.digest, str(target))
    assert not target.samefile(path)
    assert target.read_bytes() == CONTENT


def test_what_is_not_whole_cannot_be_published(store: Store, tmp_path: Path) -> None:
    target = str(tmp_path / "staged")
    with pytest.raises(StagingError, match="is not in the cache"):
        store.publish(digest(b"never seen"), target)
    store.take(FILE)
    with pytest.raises(StagingError, match="is not whole"):
        store.publish(FILE.digest, target)
    end_and_start(store)
    path = filled(store)
    path.write_bytes(b"damaged")
    with pytest.raises(StagingError, match="is not in the cache"):
        store.publish(FILE.digest, target)


# -- neighbours ----------------------------------------------------------------------------------


@pytest.fixture
def pieces(tmp_path: Path) -> list[Path]:
    """Two that make the file, the first of 100 bytes."""
    paths = [tmp_path / "first", tmp_path / "second"]
    paths[0].write_bytes(CONTENT[:100])
    paths[1].write_bytes(CONTENT[100:])
    return paths


def test_a_file_that_a_neighbour_brings_is_waited_for(
    store: Store, cache: Path, pieces: list[Path]
) -> None:
    with Neighbour(cache, FILE) as neighbour:
        assert neighbour.tell("take") == "part"
        assert neighbour.tell(f"append 0 {pieces[0]}") == "wanted"
        assert store.take(FILE) == "elsewhere"
        assert store.part_bytes(FILE.digest) == 100
        assert neighbour.tell(f"append 100 {pieces[1]}") == "whole"
        assert store.take(FILE) == "whole"
        assert neighbour.tell("take") == "whole"


@pytest.mark.kills
def test_the_part_of_a_neighbour_that_was_killed_is_continued(
    store: Store, cache: Path, pieces: list[Path]
) -> None:
    with Neighbour(cache, FILE) as neighbour:
        neighbour.tell("take")
        neighbour.tell(f"append 0 {pieces[0]}")
        neighbour.kill()
    assert store.take(FILE) == "part"
    assert store.have_bytes(FILE.digest) == 100
    assert store.append(FILE, 100, CONTENT[100:]) == "whole"


@pytest.mark.kills
@pytest.mark.parametrize("verb", ["append 0", "adopt"])
def test_a_neighbour_that_is_killed_while_it_writes_does_no_harm(
    store: Store, cache: Path, tmp_path: Path, verb: str
) -> None:
    content = os.urandom(1 << 10) * (32 << 10)
    file = staged(content)
    brought = tmp_path / "brought"
    brought.write_bytes(content)
    with Neighbour(cache, file) as neighbour:
        neighbour.tell("take")
        neighbour.begin(f"{verb} {brought}")
        deadline = time.monotonic() + 20
        while not any(path.stat().st_size for path in (cache / "parts").iterdir()):
            if any((cache / "files").iterdir()):
                break  # It was faster than we are.
            assert time.monotonic() < deadline
        neighbour.kill()
    taken = store.take(file)
    if taken == "part":
        have_bytes = store.have_bytes(file.digest)
        assert store.append(file, have_bytes, content[have_bytes:]) == "whole"
    assert Path(store.path(file.digest)).read_bytes() == content
    assert store.take(file) == "whole"


def test_a_file_that_a_neighbour_uses_is_used_too(store: Store, cache: Path) -> None:
    filled(store)
    with Neighbour(cache, FILE) as neighbour:
        assert neighbour.tell("take") == "whole"
        assert store.take(FILE) == "whole"


def test_a_neighbour_gets_what_was_released(store: Store, cache: Path) -> None:
    store.take(FILE)
    store.append(FILE, 0, CONTENT[:50])
    with Neighbour(cache, FILE) as neighbour:
        assert neighbour.tell("take") == "elsewhere"
        store.release(FILE.digest)
        assert neighbour.tell("take") == "part"
