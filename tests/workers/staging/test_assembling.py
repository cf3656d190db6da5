"""Whatever happens to pieces, parts and files, and whenever: a file is exact, or not there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workers.staging.files import staged
from workers.staging.store import Store

SIZE = 64
CONTENT = os.urandom(SIZE)
FILE = staged(CONTENT)
Step = Callable[[Store], None]


def piece(offset: int, length: int) -> Step:
    """From anywhere, or (offset < 0) from where it goes on."""

    def step(store: Store) -> None:
        if store.take(FILE) != "part":
            return
        have_bytes = store.have_bytes(FILE.digest)
        start = have_bytes if offset < 0 else offset
        brought = store.append(FILE, start, CONTENT[start : start + length])
        if start == have_bytes and brought == "wanted":
            assert store.have_bytes(FILE.digest) == have_bytes + length
        if brought == "whole":
            assert_exact(store)

    return step


def wrong_piece(length: int) -> Step:
    def step(store: Store) -> None:
        if store.take(FILE) == "part":
            have_bytes = store.have_bytes(FILE.digest)
            assert store.append(FILE, have_bytes, b"?" * length) in ("wanted", "damaged")

    return step


def fetched(content: bytes) -> Step:
    def step(store: Store) -> None:
        if store.take(FILE) == "part":
            source = Path(store.directory, "source")
            source.unlink(missing_ok=True)
            source.write_bytes(content)
            brought = store.adopt(FILE, str(source))
            assert brought == ("whole" if content == CONTENT else "damaged")

    return step


def new_start(damage: Callable[[bytes], bytes]) -> Step:
    """The worker ends, its files suffer, and another begins."""

    def step(store: Store) -> None:
        store.close()
        for folder in ("parts", "files", "notes"):
            for path in Path(store.directory, folder).iterdir():
                before = path.read_bytes()
                if damage(before) != before:
                    path.write_bytes(damage(before))

    return step


def flip(at: int) -> Callable[[bytes], bytes]:
    def damage(content: bytes) -> bytes:
        place = at % max(1, len(content))
        return (
            content[:place]
            + bytes(byte ^ 1 for byte in content[place : place + 1])
            + (content[place + 1 :])
        )

    return damage


def cut(at: int) -> Callable[[bytes], bytes]:
    return lambda content: content[:at]


def assert_exact(store: Store) -> None:
    assert store.take(FILE) == "whole"
    assert Path(store.path(FILE.digest)).read_bytes() == CONTENT


lengths = st.integers(1, SIZE)
steps = st.one_of(
    st.builds(piece, st.integers(-SIZE, SIZE), lengths),
    st.builds(wrong_piece, lengths),
    st.sampled_from([CONTENT, CONTENT[1:], b"?" * SIZE]).map(fetched),
    st.just(new_start(lambda content: content)),
    lengths.map(flip).map(new_start),
    lengths.map(cut).map(new_start),
    st.just(new_start(lambda content: content + b"?")),
)


@settings(max_examples=150)
@given(st.lists(steps, max_size=12))
def test_a_file_is_exact_or_not_there(story: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder)
        try:
            for step in story:
                step(store)
                if store.take(FILE) == "whole":
                    assert_exact(store)
            for _ in range(2):  # The second time if what was there before was wrong.
                if store.take(FILE) == "part":
                    have_bytes = store.have_bytes(FILE.digest)
                    store.append(FILE, have_bytes, CONTENT[have_bytes:])
            assert_exact(store)
        finally:
            store.close()
