from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from workers.host.rank_output import LINE_BYTES, RankOutput


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def test_each_complete_line_is_told_once_with_who_printed_it(pipe: tuple[int, int]) -> None:
    output = RankOutput(3, pipe[0])
    os.write(pipe[1], b"one\ntwo\nhal")
    assert output.read()
    assert output.lines() == b"[rank 3] one\n[rank 3] two\n"
    assert output.lines() == b""
    os.write(pipe[1], b"f\n\xff\n")
    output.read()
    assert output.lines() == b"[rank 3] half\n[rank 3] \xff\n"


def test_the_last_line_may_be_incomplete(pipe: tuple[int, int]) -> None:
    output = RankOutput(0, pipe[0])
    os.write(pipe[1], b"segmentation fa")
    output.read()
    assert output.lines() == b""
    assert output.lines(to_the_end=True) == b"[rank 0] segmentation fa\n"
    assert output.lines(to_the_end=True) == b""


def test_a_line_without_end_is_told_in_parts(pipe: tuple[int, int]) -> None:
    output = RankOutput(0, pipe[0])
    os.write(pipe[1], b"." * (LINE_BYTES + 1))
    output.read()
    assert output.lines() == b"[rank 0] " + b"." * (LINE_BYTES + 1) + b"\n"


def test_nothing_more_comes_when_all_writers_are_gone() -> None:
    reading, writing = os.pipe()
    try:
        output = RankOutput(0, reading)
        assert output.read()  # nothing yet
        os.close(writing)
        assert not output.read()
    finally:
        os.close(reading)
