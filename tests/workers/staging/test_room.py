"""What goes when a disk is full, and what stays."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workers.staging.files import staged, tree
from tests.workers.staging.neighbour import Neighbour
from workers.protocol import StagedFile
from workers.staging import trees
from workers.staging.errors import StagingError
from workers.staging.room import RESERVE_BYTES
from workers.staging.store import Store

SIZE = 1000


class Disk:
    """Of a fixed size, full of a store's files."""

    def __init__(self, size_bytes: int) -> None:
        self.size_bytes = size_bytes

    def free(self, directory: str) -> int:
        used = sum(
            path.stat().st_size
            for folder in ("files", "parts")
            for path in Path(directory, folder).iterdir()
        )
        return self.size_bytes - used + RESERVE_BYTES


@pytest.fixture
def disk() -> Disk:
    return Disk(3 * SIZE)


@pytest.fixture
def store(tmp_path: Path, disk: Disk) -> Iterator[Store]:
    store = Store(str(tmp_path / "cache"), free=disk.free)
    yield store
    store.close()


def file(number: int) -> tuple[StagedFile, bytes]:
    content = bytes([number]) * SIZE
    return staged(content), content


def keep(store: Store, number: int) -> StagedFile:
    """Whole in the store, and not in use; used later than those with lower numbers."""
    described, content = file(number)
    store.take(described)
    assert store.append(described, 0, content) == "whole"
    store.release(described.digest)
    note = Path(store.directory, "notes", described.digest)
    os.utime(note, (number, number))
    return described


def there(store: Store) -> set[str]:
    return {path.name for path in Path(store.directory, "files").iterdir()}


def test_what_was_not_used_for_longest_goes_first(store: Store) -> None:
    kept = [keep(store, number) for number in range(3)]
    store.make_room(SIZE)
    assert there(store) == {file.digest for file in kept[1:]}
    store.make_room(2 * SIZE)
    assert there(store) == {kept[2].digest}


def test_nothing_goes_that_need_not(store: Store) -> None:
    kept = keep(store, 1)
    store.make_room(2 * SIZE)
    store.make_room(0)
    assert there(store) == {kept.digest}


def test_use_makes_a_file_young(store: Store) -> None:
    kept = [keep(store, number) for number in range(3)]
    store.take(kept[0])
    store.release(kept[0].digest)
    store.make_room(2 * SIZE)
    assert there(store) == {kept[0].digest}


def test_what_is_in_use_stays(store: Store) -> None:
    kept = [keep(store, number) for number in range(3)]
    store.take(kept[0])
    with Neighbour(Path(store.directory), kept[1]) as neighbour:
        assert neighbour.tell("take") == "whole"
        with pytest.raises(StagingError, match=r"is full: .* does not make up for it"):
            store.make_room(2 * SIZE)
        assert there(store) == {kept[0].digest, kept[1].digest}


def test_what_does_not_fit_is_told_with_the_mend(store: Store, disk: Disk) -> None:
    described, content = file(9)
    disk.size_bytes = SIZE // 2
    store.take(described)
    with pytest.raises(StagingError, match=r"give the worker a directory on a larger disk with"):
        store.append(described, 0, content)
    assert store.append(described, 0, content[: SIZE // 2]) == "wanted"
    disk.size_bytes = SIZE
    assert store.append(described, SIZE // 2, content[SIZE // 2 :]) == "whole"


def test_nothing_goes_for_what_does_not_fit_anyway(store: Store) -> None:
    kept = [keep(store, number) for number in range(3)]
    with pytest.raises(StagingError, match="is full"):
        store.make_room(4 * SIZE)
    assert there(store) == {file.digest for file in kept}
    store.take(kept[0])
    with pytest.raises(StagingError, match="is full"):
        store.make_room(3 * SIZE)
    assert there(store) == {file.digest for file in kept}


def test_parts_that_nobody_continues_go_too(store: Store) -> None:
    described, content = file(9)
    store.take(described)
    store.append(described, 0, content[:500])
    store.release(described.digest)
    store.make_room(3 * SIZE)
    store.take(described)
    assert store.have_bytes(described.digest) == 0


def test_a_copy_needs_room_too(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_link(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    kept = [keep(store, number) for number in range(3)]
    monkeypatch.setattr(os, "link", no_link)
    described, content = file(9)
    source = tmp_path / "fetched"
    source.write_bytes(content)
    store.take(described)
    assert store.adopt(described, str(source)) == "whole"
    assert there(store) == {described.digest, *(other.digest for other in kept[1:])}


def test_trees_of_files_that_are_gone_go_too(store: Store) -> None:
    kept = [keep(store, number) for number in range(2)]
    links = Path(store.directory, "trees")
    for number, described in enumerate(kept):
        one = tree({"w": bytes([number]) * SIZE})
        trees.place(str(links), one, {"w": store.path(described.digest)})
    assert len(list(links.iterdir())) == 2
    store.make_room(2 * SIZE)
    (left,) = links.iterdir()
    assert (left / "w").read_bytes() == b"\1" * SIZE


def test_by_default_the_disk_itself_is_asked(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.make_room(1)
    with pytest.raises(StagingError, match="is full"):
        store.make_room(1 << 60)
