from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pcm.journal import Item, Journal
from pcm.journal.items import CHUNK_BYTES, CHUNK_ITEMS, chunks
from tests.journal.runs import items, manifest

COUNT = CHUNK_ITEMS + 10


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal.create(tmp_path / "run", manifest()) as journal:
        journal.add_items(items(COUNT))
        journal.seal()
        yield journal


def test_the_same_items_do_not_differ(journal: Journal) -> None:
    assert journal.check_items(items(COUNT)) == []
    free = (item._replace(cost=1e6) for item in items(COUNT))
    assert journal.check_items(free) == []


@pytest.mark.parametrize("index", [0, 17, CHUNK_ITEMS - 1, CHUNK_ITEMS, COUNT - 1])
def test_changed_content_is_named(journal: Journal, index: int) -> None:
    changed = list(items(COUNT))
    changed[index] = changed[index]._replace(payload=b"other")
    assert journal.check_items(changed) == [
        f'items changed: item {index} (key "key-{index}") has another content'
    ]


def test_another_order_is_named(journal: Journal) -> None:
    swapped = list(items(COUNT))
    swapped[3], swapped[4] = swapped[4], swapped[3]
    assert journal.check_items(swapped) == [
        'items changed: item 3 has key "key-4", where it had "key-3"'
    ]


@pytest.mark.parametrize("count", [0, 5, CHUNK_ITEMS, COUNT - 1])
def test_missing_items_are_named(journal: Journal, count: int) -> None:
    (line,) = journal.check_items(items(count))
    assert f"there are {count} where there were {COUNT}" in line
    assert f'item {count} (key "key-{count}")' in line


def test_more_items_are_named(journal: Journal) -> None:
    (line,) = journal.check_items(items(COUNT + 2))
    assert f'from item {COUNT} (key "key-{COUNT}") on' in line


def test_the_digest_does_not_depend_on_how_items_were_added(tmp_path: Path) -> None:
    digests = set()
    for name, sizes in {"a": [6], "b": [1, 2, 3], "c": [5, 1]}.items():
        with Journal.create(tmp_path / name, manifest()) as journal:
            for size in sizes:
                journal.add_items(items(size, first=journal.item_count))
            journal.seal()
            digests.add(journal.manifest.items_digest)
    assert len(digests) == 1


def test_chunks_are_bounded_in_bytes() -> None:
    large = [Item(str(index), bytes(CHUNK_BYTES // 2), 1.0) for index in range(5)]
    assert [len(chunk) for chunk in chunks(large)] == [2, 2, 1]
