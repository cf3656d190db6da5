"""Prefill and decode are found where they were made."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.telemetry.observer.phases import Request, leading_messages, phases

Packet = tuple[float, int, bool]


def conversation(
    requests: list[tuple[float, list[float]]], *, header: bool = False
) -> tuple[list[Packet], list[tuple[float, float, float]]]:
    """Each: seconds of prefill, and of the gaps between tokens. Gives the packets, and of each
    request when it had arrived, when its first token came, and its last."""
    now, packets, truth = 1.0, [], []
    for prefill, gaps in requests:
        for _ in range(3):  # A prompt of several packets.
            packets.append((now, 1400, False))
            now += 0.0001
        arrived = packets[-1][0]
        if header:
            packets.append((arrived + 0.003, 150, True))
        now = first = arrived + prefill
        packets.append((now, 90, True))
        for gap in gaps:
            now += gap
            packets.append((now, 90, True))
        truth.append((arrived, first, now))
        now += 0.5
    return packets, truth


def found(packets: list[Packet]) -> list[Request]:
    times, sizes, outward = zip(*packets, strict=True)
    return phases(times, sizes, outward)


steady = st.lists(st.floats(0.01, 0.03), min_size=4, max_size=40)


@given(st.lists(st.tuples(st.floats(0.2, 5.0), steady), min_size=1, max_size=6), st.booleans())
def test_boundaries_are_where_they_were_made(
    requests: list[tuple[float, list[float]]], header: bool
) -> None:
    packets, truth = conversation(requests, header=header)
    told = [(one.arrived, one.first_token, one.last_token) for one in found(packets)]
    assert told == [pytest.approx(one, abs=1e-6) for one in truth]


def test_an_answer_in_one_piece_has_one_moment() -> None:
    (request,) = found([(1.0, 500, False), (3.0, 9000, True), (3.0001, 9000, True)])
    assert request == Request(1.0, 1.0, 3.0, 3.0, 500, 18000, 1)


def test_small_messages_inward_while_it_answers_are_no_requests() -> None:
    packets, truth = conversation([(1.0, [0.02] * 20)])
    packets.append((packets[-1][0] - 0.01, 13, False))
    (request,) = found(sorted(packets))
    assert request.last_token == pytest.approx(truth[0][2], abs=1e-6)
    assert request.messages == 21


def test_an_answer_that_began_before_us_is_not_told() -> None:
    assert found([(1.0, 50, True), (1.5, 50, True)]) == []
    assert phases([], [], []) == []


def test_long_idleness_ends_an_answer() -> None:
    packets = [(1.0, 500, False), (2.0, 80, True), (90.0, 20, False), (91.0, 80, True)]
    assert [one.arrives for one in found(packets)] == [1.0, 90.0]


@pytest.mark.parametrize(
    ("messages", "leading"),
    [
        ([0.002, 0.1, 0.12], 1),
        ([0.002, 0.1], 1),  # A header and an answer in one piece.
        ([0.002, 0.005, 0.1], 2),
        ([0.002], 0),
        ([0.004, 0.012, 0.02], 0),  # Tokens at a quick pace.
        ([0.05, 0.4, 0.41, 0.42, 0.43], 0),  # Another's prompt was computed after the first token.
    ],
)
def test_a_header_comes_soon_and_has_a_pause_behind_it(messages: list[float], leading: int) -> None:
    assert leading_messages(0.0, messages) == leading
