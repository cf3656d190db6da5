"""The items of a run in its journal: adding them as a stream, and comparing them with another."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator

from pcm.errors import InputError
from pcm.journal.records import Item

CHUNK_ITEMS = 5000
CHUNK_BYTES = 16 << 20

INSERT = "INSERT INTO items (item, key, payload, cost) VALUES (?, ?, ?, ?)"

# Made after the first stream of items, which takes a third of the time that way.
INDEX = "CREATE UNIQUE INDEX IF NOT EXISTS items_by_key ON items (key)"

_FIRST_DUPLICATE = """
SELECT key, item, first FROM (
    SELECT key, item, min(item) OVER same AS first, row_number() OVER same AS number FROM items
    WINDOW same AS (PARTITION BY key ORDER BY item)
) WHERE number > 1 ORDER BY item LIMIT 1
"""


def chunks(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Lists of items that are bounded in number and in bytes."""
    chunk: list[Item] = []
    size = 0
    for item in items:
        chunk.append(item)
        size += len(item.payload)
        if len(chunk) >= CHUNK_ITEMS or size >= CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def digest_items(digest: bytes, items: Iterable[Item]) -> bytes:
    """A chain over keys and contents in order: digest' = BLAKE2b-128(digest, key, payload).

    A chain rather than one long hash, so that it can go on after the journal was closed.
    """
    for item in items:
        key = item.key.encode()
        link = hashlib.blake2b(digest, digest_size=16)
        link.update(len(key).to_bytes(8, "big") + key)
        link.update(item.payload)
        digest = link.digest()
    return digest


def insert(
    connection: sqlite3.Connection, items: list[Item], first: int, first_line: int | None
) -> None:
    """Add items numbered from ``first`` on. Raises InputError for a key that is there already;
    then nothing of this call is to be committed."""
    rows = [(number, item.key, item.payload, item.cost) for number, item in enumerate(items, first)]
    try:
        connection.executemany(INSERT, rows)
    except sqlite3.IntegrityError:
        raise _duplicate(connection, items, first, first_line) from None


def index_keys(connection: sqlite3.Connection, first_line: int | None) -> None:
    """Raises InputError if two of the stored items have the same key."""
    try:
        connection.execute(INDEX)
    except sqlite3.IntegrityError:
        key, item, earlier = connection.execute(_FIRST_DUPLICATE).fetchone()
        raise _same_key(key, item, earlier, first_line) from None


def _duplicate(
    connection: sqlite3.Connection, items: list[Item], first: int, first_line: int | None
) -> InputError:
    seen: dict[str, int] = {}
    stored = "SELECT item FROM items WHERE key = ? AND item < ?"
    for number, item in enumerate(items, first):
        row = connection.execute(stored, (item.key, first)).fetchone()
        earlier = row[0] if row else seen.setdefault(item.key, number)
        if earlier != number:
            return _same_key(item.key, number, earlier, first_line)
    raise AssertionError("the journal refused items whose keys differ")


def _same_key(key: str, number: int, earlier: int, first_line: int | None) -> InputError:
    return InputError(
        f"key {key} of {_position(number, first_line)} "
        f"is already the key of {_position(earlier, first_line)}",
        mend="give every item a key of its own",
    )


def _position(index: int, first_line: int | None) -> str:
    return f"item {index}" if first_line is None else f"line {first_line + index}"


def differences(connection: sqlite3.Connection, items: Iterable[Item], count: int) -> list[str]:
    """The first difference between the stored items and these, as a line; [] if there is none.

    Costs are not compared: they guide the order of work and decide nothing about results.
    """
    index = 0
    for chunk in chunks(items):
        stored = connection.execute(
            "SELECT key, payload FROM items WHERE item >= ? AND item < ? ORDER BY item",
            (index, index + len(chunk)),
        ).fetchall()
        for item, (key, payload) in zip(chunk, stored, strict=False):
            if item.key != key:
                return [f"items changed: item {index} has key {item.key}, where it had {key}"]
            if item.payload != payload:
                return [f"items changed: item {index} (key {key}) has another content"]
            index += 1
        if len(stored) < len(chunk):
            extra = chunk[len(stored)]
            return [
                f"items changed: there are more of them than the {count} of before, "
                f"from item {index} (key {extra.key}) on"
            ]
    if index < count:
        (key,) = connection.execute("SELECT key FROM items WHERE item = ?", (index,)).fetchone()
        return [
            f"items changed: there are {index} where there were {count}; "
            f"item {index} (key {key}) is the first that is missing"
        ]
    return []
