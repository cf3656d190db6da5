"""Segments that were overtaken, doubled and sent again are told apart, as they were made."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.telemetry.observer.sequences import (
    MAX_HOLES,
    OVERTAKEN_NS,
    TIMEOUT_NS,
    Kind,
    Segments,
    Sequences,
)

MS = 1_000_000


def segments(rows: list[tuple[int, int, int, int]], row: int = 0, opens: bool = False) -> Segments:
    """Each: nanoseconds, sequence number, length, identification."""
    times, numbers, lengths, marks = (
        np.array(column) for column in (zip(*rows, strict=True) if rows else ([], [], [], []))
    )
    return Segments(
        np.full(len(rows), row, np.int64),
        times.astype(np.int64),
        (numbers.astype(np.int64) & 0xFFFFFFFF).astype(np.uint32),
        lengths.astype(np.int64),
        np.where(marks < 0, -1, marks & 0xFFFF).astype(np.int32),
        np.full(len(rows), opens),
    )


def kinds(sequences: Sequences, rows: list[tuple[int, int, int, int]], row: int = 0) -> list[Kind]:
    return [Kind(kind) for kind in sequences.follow(segments(rows, row))[0].tolist()]


FATES = st.sampled_from(["passes", "doubled", "lost here", "lost beyond", "overtaken"])


@given(
    begin=st.integers(0, 2**32 - 1),
    mark=st.integers(1, 40_000),
    fates=st.lists(st.tuples(FATES, st.integers(2, 60_000)), min_size=1, max_size=40),
    cuts=st.lists(st.integers(0, 60), max_size=6),
)
def test_what_befell_a_stream_is_found_wherever_it_is_cut_and_wraps(
    begin: int, mark: int, fates: list[tuple[str, int]], cuts: list[int]
) -> None:
    """Losses are made good after some more segments; nothing befalls the first and the last."""
    made: list[tuple[int, int, int, int]] = []
    wanted: list[Kind] = []
    number, now = begin, 10 * MS

    def send(where: int, length: int, kind: Kind, identification: int | None = None) -> None:
        nonlocal mark, now
        if identification is None:
            mark += 1
            identification = mark
        now += MS // 10
        made.append((now, where, length, identification))
        wanted.append(kind)

    send(number, 1000, Kind.NEW)
    number += 1000
    for fate, length in fates:
        if fate == "passes":
            send(number, length, Kind.NEW)
        elif fate == "doubled":
            send(number, length, Kind.NEW)
            send(number, length, Kind.DUPLICATE, mark)
        elif fate == "lost here":
            mark += 1  # Nobody here saw it.
            send(number + length, 500, Kind.NEW)
            send(number, length, Kind.RETRANSMIT)
            number += 500
        elif fate == "lost beyond":
            send(number, length, Kind.NEW)
            send(number, length, Kind.RETRANSMIT)
        else:
            mark += 1
            overtaken = mark
            send(number + length, 500, Kind.NEW)
            send(number, length, Kind.OUT_OF_ORDER, overtaken)
            number += 500
        number += length
    send(number, 1000, Kind.NEW)
    found: list[Kind] = []
    sequences = Sequences(4)
    edges = sorted({0, len(made), *(cut for cut in cuts if cut < len(made))})
    for start, stop in pairwise(edges):
        found += kinds(sequences, made[start:stop], row=2)
    assert found == wanted
    assert int(sequences.next[2]) == (number + 1000) & 0xFFFFFFFF


@given(st.permutations(range(MAX_HOLES)), st.integers(0, 2**32 - 1))
def test_of_a_shuffled_stream_all_that_comes_late_is_out_of_order(
    order: list[int], begin: int
) -> None:
    made = [(MS, begin - 100, 100, 99)]
    made += [(2 * MS + at, begin + 100 * one, 100, 100 + one) for at, one in enumerate(order)]
    late = sum(one < max(order[:at], default=-1) for at, one in enumerate(order))
    found = Counter(kinds(Sequences(2), made))
    assert found == Counter({Kind.NEW: 1 + len(order) - late, Kind.OUT_OF_ORDER: late})


def test_flows_at_once_do_not_mix() -> None:
    together = [segments([(MS, 0, 10, 1), (2 * MS, 10 * row, 10, 2)], row) for row in range(6)]
    merged = Segments(*(np.concatenate(columns) for columns in zip(*together, strict=True)))
    found, _ = Sequences(6).follow(merged)
    assert found.reshape(6, 2)[:, 1].tolist() == [Kind.RETRANSMIT, *[0] * 5]


@pytest.mark.parametrize(
    ("after_ns", "kind"),
    [(OVERTAKEN_NS - 1, Kind.OUT_OF_ORDER), (OVERTAKEN_NS, Kind.RETRANSMIT)],
)
def test_without_identification_time_tells_what_was_overtaken(after_ns: int, kind: Kind) -> None:
    made = [(MS, 0, 10, -1), (2 * MS, 20, 10, -1), (2 * MS + after_ns, 10, 10, -1)]
    assert kinds(Sequences(2), made) == [Kind.NEW, Kind.NEW, kind]


def test_a_retransmission_after_long_silence_is_a_timeout() -> None:
    made = [(MS, 0, 10, 1), (2 * MS, 10, 10, 2), (2 * MS + TIMEOUT_NS, 10, 10, 3)]
    sequences = Sequences(2)
    _, before = sequences.follow(segments(made[:2]))
    found, timeouts = sequences.follow(segments(made[2:]))
    assert found.tolist() == [Kind.RETRANSMIT]
    assert (before.tolist(), timeouts.tolist()) == ([False, False], [True])


def test_a_keep_alive_is_no_retransmission() -> None:
    assert kinds(Sequences(2), [(MS, 0, 10, 1), (5 * MS, 9, 1, 2)])[1] == Kind.KEEP_ALIVE


def test_ports_used_anew_begin_a_stream_of_their_own() -> None:
    sequences = Sequences(2)
    assert kinds(sequences, [(MS, 5000, 100, 1)]) == [Kind.NEW]
    found, _ = sequences.follow(segments([(2 * MS, 77, 1, 2)], opens=True))
    assert found.tolist() == [Kind.NEW]
    assert kinds(sequences, [(3 * MS, 78, 100, 3)]) == [Kind.NEW]
    # The same SYN again is sent again.
    other = Sequences(2)
    other.follow(segments([(MS, 77, 1, 1)], opens=True))
    found, _ = other.follow(segments([(5 * MS, 77, 1, 2)], opens=True))
    assert found.tolist() == [Kind.RETRANSMIT]


def test_what_is_far_off_neither_counts_nor_moves_the_sequence() -> None:
    sequences = Sequences(2)
    kinds(sequences, [(MS, 1000, 100, 1)])
    assert kinds(sequences, [(2 * MS, 1100, 100, 2), (3 * MS, 1 << 31, 100, 3)]) == [Kind.NEW] * 2
    assert int(sequences.next[0]) == 1200


def test_a_forgotten_row_is_as_new() -> None:
    sequences = Sequences(2)
    kinds(sequences, [(MS, 1000, 100, 1), (2 * MS, 2000, 100, 2)])
    sequences.forget(np.array([0]))
    assert kinds(sequences, [(3 * MS, 0, 100, 3), (4 * MS, 100, 10, 4)]) == [Kind.NEW] * 2
