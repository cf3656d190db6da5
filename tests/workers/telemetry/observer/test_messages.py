"""Messages are the same however their packets are cut into batches."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from workers.telemetry.observer.messages import QUIET_NS, Assembly, Messages

Made = tuple[int, int, int, int]
packets = st.lists(
    st.tuples(
        st.integers(0, 2),  # flow
        st.integers(0, 1),
        st.integers(1, 2 * QUIET_NS),  # since the packet before
        st.integers(1, 1000),
    ),
    max_size=60,
)


def plain(events: list[tuple[int, int, int, int]]) -> list[tuple[int, ...]]:
    """One by one."""
    open_now: dict[int, list[int]] = {}
    found: list[tuple[int, ...]] = []
    for flow, direction, now, size in events:
        message = open_now.get(flow)
        if message and message[0] == direction and now - message[2] <= QUIET_NS:
            message[2], message[3] = now, message[3] + size
            continue
        if message:
            found.append((flow, *message))
        open_now[flow] = [direction, now, now, size]
    return sorted(found + [(flow, *message) for flow, message in open_now.items()])


def rows(messages: Messages) -> list[tuple[int, ...]]:
    return list(zip(*(column.tolist() for column in messages), strict=True))


@given(packets, st.lists(st.integers(0, 60), max_size=6))
def test_they_are_as_if_made_one_by_one(made: list[Made], cuts: list[int]) -> None:
    now, events = 10 * QUIET_NS, []
    for flow, direction, after, size in made:
        now += after
        events.append((flow, direction, now, size))
    assembly = Assembly(3)
    found: list[tuple[int, ...]] = []
    begun = 0
    edges = sorted({0, len(events), *(cut for cut in cuts if cut < len(events))})
    for start, stop in pairwise(edges):
        batch = np.array(events[start:stop], np.int64)
        batch = batch[np.argsort(batch[:, 0], kind="stable")]
        complete, begins = assembly.add(*batch.T)
        found += rows(complete)
        begun += int(begins.sum())
    found += rows(assembly.forget(np.arange(3)))
    assert sorted(found) == plain(events)
    assert begun == len(found)


def test_quiet_ends_a_message_and_only_once() -> None:
    assembly = Assembly(2)
    one = np.array([1])
    assembly.add(one, one * 0, one * 1000, one * 50)
    assert rows(assembly.quiet(1000 + QUIET_NS)) == []
    assert rows(assembly.quiet(1001 + QUIET_NS)) == [(1, 0, 1000, 1000, 50)]
    assert rows(assembly.quiet(10 * QUIET_NS)) == []
    _, begins = assembly.add(one, one * 0, one * 1000 + QUIET_NS, one * 50)
    assert begins.tolist() == [True]
    assert rows(assembly.going_on(49)) == [(1, 0, 1000 + QUIET_NS, 1000 + QUIET_NS, 50)]
    assert rows(assembly.going_on(50)) == []
