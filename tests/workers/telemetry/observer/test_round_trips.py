"""Round trips are those from a segment to its acknowledgement, however batches are cut."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from workers.telemetry.observer.round_trips import Acknowledgements, Acks
from workers.telemetry.observer.sequences import Segments, Sequences

MS = 1_000_000
Event = tuple[str, int, int]
"""Data or ack; nanoseconds; for data the sequence number (100 bytes each), else what is had."""


class Pair:
    """One flow: data in row 0, acknowledgements in row 1."""

    def __init__(self) -> None:
        self.sequences, self.acknowledgements = Sequences(2), Acknowledgements(2)
        self.found: list[int] = []
        self.repeated = self.closed = self.closed_ns = 0

    def feed(self, events: list[Event], window: int = 100) -> None:
        data = [event for event in events if event[0] == "data"]
        acks = [event for event in events if event[0] == "ack"]
        segments = Segments(
            np.zeros(len(data), np.int64),
            np.array([at for _, at, _ in data], np.int64),
            np.array([number & 0xFFFFFFFF for *_, number in data], np.uint32),
            np.full(len(data), 100, np.int64),
            np.full(len(data), -1, np.int32),
            np.zeros(len(data), bool),
        )
        kinds, _ = self.sequences.follow(segments)
        told_of = Acks(
            np.ones(len(acks), np.int64),
            np.array([at for _, at, _ in acks], np.int64),
            np.array([number & 0xFFFFFFFF for *_, number in acks], np.uint32),
            np.full(len(acks), window, np.uint16),
            np.ones(len(acks), bool),
        )
        told = self.acknowledgements.hear(told_of, self.sequences.next)
        self.repeated += int(told.repeated.sum())
        self.closed += int(told.closed.sum())
        self.closed_ns += int(told.closed_ns.sum())
        small = np.ones(len(data), bool)
        self.found += self.acknowledgements.match(segments, kinds, small, told_of)[1].tolist()


@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(1, 50))
def test_in_one_batch_each_acknowledgement_gives_its_segment_s_time(
    begin: int, count: int, trip: int
) -> None:
    events: list[Event] = [("ack", MS, begin)]
    events += [("data", 2 * MS + at * 1000, begin + 100 * at) for at in range(count)]
    events += [("ack", 2 * MS + at * 1000 + trip, begin + 100 * (at + 1)) for at in range(count)]
    pair = Pair()
    pair.feed(events)
    assert pair.found == [trip] * count
    assert pair.repeated == 0


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 60), max_size=8))
def test_however_it_is_cut_every_sample_is_true_and_there_are_some(
    begin: int, cuts: list[int]
) -> None:
    trip = 3 * MS + 1
    events: list[Event] = [("ack", MS, begin)]
    for at in range(30):
        events.append(("data", (at + 2) * 10 * MS, begin + 100 * at))
        events.append(("ack", (at + 2) * 10 * MS + trip, begin + 100 * (at + 1)))
    pair = Pair()
    edges = [0, *sorted(cuts), len(events)]
    for start, stop in pairwise(edges):
        pair.feed(events[start:stop])
    assert pair.found == [trip] * 30


def test_what_was_sent_again_gives_no_sample() -> None:
    pair = Pair()
    pair.feed([("ack", MS, 0), ("data", 2 * MS, 0)])
    pair.feed([("data", 250 * MS, 0)])
    pair.feed([("ack", 251 * MS, 100)])
    assert pair.found == []
    pair.feed([("data", 260 * MS, 100)])
    pair.feed([("ack", 265 * MS, 200)])
    assert pair.found == [5 * MS]


def test_the_same_again_counts_while_something_is_on_its_way() -> None:
    pair = Pair()
    pair.feed([("ack", MS, 0), ("data", 2 * MS, 0), ("data", 2 * MS, 100), ("data", 2 * MS, 200)])
    pair.feed([("ack", 3 * MS, 100)])
    pair.feed([("ack", 4 * MS, 100), ("ack", 5 * MS, 100)])
    assert pair.repeated == 2
    pair.feed([("ack", 6 * MS, 300)])
    pair.feed([("ack", 7 * MS, 300)])  # Nothing is on its way: that is a keep-alive's answer.
    assert pair.repeated == 2


def test_time_without_room_is_counted_once() -> None:
    pair = Pair()
    pair.feed([("ack", 10 * MS, 0)], window=0)
    assert pair.acknowledgements.waits(np.array([0, 1]), 15 * MS).tolist() == [0, 5 * MS]
    pair.feed([("ack", 22 * MS, 0)], window=50)
    assert (pair.closed, pair.closed_ns) == (1, 7 * MS)
    assert pair.acknowledgements.waits(np.array([0, 1]), 30 * MS).tolist() == [0, 0]
