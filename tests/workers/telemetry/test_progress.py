from __future__ import annotations

from types import SimpleNamespace

import pytest

from workers.protocol import Decoded
from workers.telemetry import progress
from workers.telemetry.progress import TOLD_SECONDS, Progress, Steps


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Its one number is the time."""
    now = [100.0]
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def test_a_step_counts_tokens_streams_and_slots_by_its_time(clock: list[float]) -> None:
    counts = Progress()
    steps = Steps(4, counts)
    for _ in range(4):
        steps.begun()
    for active, seconds in ((4, 0.1), (4, 0.1), (1, 0.3)):
        clock[0] += seconds
        steps.done(active)
    told = counts.take()
    assert told is not None
    assert (told.prompt_tokens, told.tokens) == (0, 13)
    assert told.seconds == pytest.approx(0.5)
    assert told.active_seconds == pytest.approx(1.1)
    assert told.slot_seconds == pytest.approx(2.0)
    assert counts.take() is None


def test_it_is_told_once_a_second_at_most(clock: list[float]) -> None:
    counts, told = Progress(), list[Decoded]()
    counts.listener = told.append
    steps = Steps(1, counts)
    for _ in range(100):
        clock[0] += TOLD_SECONDS / 10
        steps.done(1)
    assert 9 <= len(told) <= 11
    assert sum(one.tokens for one in told) + counts.tokens == 100


def test_prompts_are_told_when_they_come(clock: list[float]) -> None:
    counts, told = Progress(), list[Decoded]()
    counts.listener = told.append
    counts.given(7)
    counts.given(8)
    assert told == [Decoded(7, 0, 0.0, 0.0, 0.0)]
    clock[0] += TOLD_SECONDS
    counts.given(1)
    assert [one.prompt_tokens for one in told] == [7, 9]


def test_nothing_is_lost_where_nobody_listens(clock: list[float]) -> None:
    counts = Progress()
    counts.given(3)
    clock[0] += 5 * TOLD_SECONDS
    counts.given(4)
    assert counts.prompt_tokens == 7
