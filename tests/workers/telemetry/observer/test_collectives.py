"""Who comes when to a collective, and how long the others wait."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.telemetry.observer.collectives import MAX_KEPT, Collectives, dividing_gap

MS = 1_000_000
US = 1000


def rounds(late_ns: list[list[int]], apart_ns: int = 10 * MS) -> list[tuple[int, int]]:
    """Packets (time, rank): in each round each rank sends three, from when it came."""
    now, packets = 100 * MS, []
    for lateness in late_ns:
        for rank, late in enumerate(lateness):
            packets += [(now + late, rank)]
        together = now + max(lateness)
        packets += [(together + (2 + n) * 7 * US, n % len(lateness)) for n in range(6)]
        now = together + apart_ns
    return sorted(packets)


def feed(collectives: Collectives, packets: list[tuple[int, int]]) -> None:
    collectives.add(
        np.array([at for at, _ in packets], np.int64), np.array([r for _, r in packets], np.int64)
    )


@settings(max_examples=50)
@given(
    st.integers(2, 5).flatmap(
        lambda ranks: st.lists(
            st.lists(st.integers(0, 6 * MS), min_size=ranks, max_size=ranks),
            min_size=5,
            max_size=25,
        )
    ),
    st.lists(st.integers(1, 200), max_size=6),
)
def test_arrivals_are_those_that_were_made_however_it_is_cut(
    late_ns: list[list[int]], cuts: list[int]
) -> None:
    """A late rank does not end a collective, though the others are quiet for long."""
    packets = rounds(late_ns)
    collectives = Collectives(len(late_ns[0]), quiet_seconds=0.005)
    edges = sorted({0, len(packets), *(cut for cut in cuts if cut < len(packets))})
    for start, stop in pairwise(edges):
        feed(collectives, packets[start:stop])
    meetings = collectives.take(packets[-1][0] + MS * 100)
    assert len(meetings) == len(late_ns)
    for meeting, lateness in zip(meetings, late_ns, strict=True):
        first = min(lateness)
        assert [at - meeting.first_ns for at in meeting.arrived_ns] == [n - first for n in lateness]
        assert meeting.spread_ns == max(lateness) - first
        assert lateness[meeting.last] == max(lateness)


def test_quiet_is_learned_from_the_gaps() -> None:
    collectives = Collectives(2)
    packets = rounds([[0, 40 * US]] * 200, apart_ns=800 * US)
    for start in range(0, len(packets), 50):
        feed(collectives, packets[start : start + 50])
    assert 20 * US < collectives.quiet_seconds * 1e9 < 800 * US
    collectives.take(0)
    feed(collectives, [(at + 10_000 * MS, rank) for at, rank in packets])
    meetings = collectives.take(100_000 * MS)
    assert 199 <= len(meetings) <= 201
    assert [meeting.last for meeting in meetings[1:]] == [1] * (len(meetings) - 1)


def test_a_dividing_gap_lies_in_the_empty_space() -> None:
    gaps = np.array([5 * US, 8 * US, 12 * US] * 30 + [3 * MS, 5 * MS] * 10)
    assert 12 * US < (dividing_gap(gaps) or 0) < 3 * MS


def test_gaps_of_one_kind_have_no_division() -> None:
    assert dividing_gap(np.full(100, 7)) is None
    assert dividing_gap(np.linspace(8 * MS, 12 * MS, 100).astype(np.int64)) is None


def test_waits_for_a_late_rank_are_not_taken_for_quiet() -> None:
    """Each sends one packet: there are gaps of work, and waits, which are much longer."""
    collectives = Collectives(2)
    now, packets = 100 * MS, []
    for _ in range(200):
        packets += [(now, 0), (now + 30 * MS, 1)]
        now += 31 * MS + 500 * US
    for start in range(0, len(packets), 7):
        feed(collectives, packets[start : start + 7])
    meetings = collectives.take(now + 1000 * MS)
    assert len(meetings) == 200
    assert {meeting.spread_ns for meeting in meetings} == {30 * MS}


def test_a_rank_that_all_wait_for_is_silent() -> None:
    collectives = Collectives(2, quiet_seconds=0.001)
    feed(collectives, [(100 * MS, 0), (100 * MS + 1, 1), (110 * MS, 0)])
    assert collectives.silent_ns(150 * MS).tolist() == [0, 50 * MS - 1]
    assert len(collectives.take(150 * MS)) == 1
    feed(collectives, [(160 * MS, 1)])
    assert collectives.silent_ns(170 * MS).tolist() == [0, 0]


def test_what_is_not_taken_is_bounded() -> None:
    collectives = Collectives(2, quiet_seconds=0.001)
    feed(collectives, rounds([[0, 1]] * (MAX_KEPT + 50)))
    assert len(collectives.take(1 << 60)) == MAX_KEPT
    assert collectives.dropped == 50
