"""The evaluation of phases: it runs, and what is told is set against what was made."""

from __future__ import annotations

import os
import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluations.phases.judging import (
    DECODE,
    IDLE,
    PREFILL,
    Span,
    errors,
    judged,
    matched,
    phases_at,
)
from evaluations.phases.lengths import LEAST_NEW_TOKENS, LEAST_PROMPT_TOKENS, questions
from evaluations.phases.plan import FULL, QUICK
from tests.evaluations import program


@pytest.mark.models
def test_it_prints_its_figures() -> None:
    if any(shutil.which(name) is None for name in ("ip", "tc", "unshare", "nsenter")):
        pytest.skip("needs ip, tc, unshare and nsenter")
    if os.geteuid() or subprocess.run(["unshare", "--net", "true"], check=False).returncode:
        pytest.skip("no namespaces here")
    printed = program.quick("phases", timeout_seconds=110)
    for condition in QUICK.conditions:
        found = printed["figures"]["conditions"][condition.name]
        assert found["requests"] == condition.connections * condition.requests
        assert found["detected_share"] == 1.0
        assert found["packets"]["dropped"] == 0
        assert found["windows"]["right"] > found["windows"]["most_frequent"]
    program.assert_complete(printed["targets"], 5)


def spans(connection: str, durations: list[tuple[float, float, float]]) -> list[Span]:
    """Each: seconds of idleness, prefill and decode."""
    now, found = 0.0, []
    for idle, prefill, decode in durations:
        arrived = now + idle
        now = arrived + prefill + decode
        found.append(Span(connection, arrived, arrived + prefill, now))
    return found


seconds = st.floats(0.1, 2.0)


@given(st.lists(st.tuples(seconds, seconds, seconds), min_size=1, max_size=8), st.data())
def test_every_request_is_matched_with_what_was_told_of_it(
    durations: list[tuple[float, float, float]], data: st.DataObject
) -> None:
    made = spans("c1", durations)
    told = data.draw(st.lists(st.sampled_from(made), unique=True))
    late = [Span("c1", *(time + 0.01 for time in one[1:])) for one in told]
    pairs = matched(made, [*spans("c2", durations), *late])
    assert pairs == sorted(zip(told, late, strict=True))


def test_what_is_told_twice_or_of_nobody_is_told_falsely() -> None:
    made = spans("c1", [(1.0, 0.5, 0.5), (1.0, 0.5, 0.5)])
    twice = [made[0], made[0]._replace(arrived=1.2)]
    found = judged(made, [*twice, *spans("c2", [(1.0, 0.5, 0.5)])], 0.0, 4.0)
    assert found["detected_share"] == 0.5
    assert found["told_falsely"] == 2


def test_phases_and_errors_are_those_of_the_boundaries() -> None:
    (one,) = spans("c1", [(1.0, 0.5, 0.2)])
    at = phases_at([one], np.array([0.9, 1.1, 1.4, 1.6, 1.8]))
    assert at.tolist() == [IDLE, PREFILL, PREFILL, DECODE, IDLE]
    told = one._replace(first_token=one.first_token + 0.02, last_token=one.last_token - 0.02)
    found = errors([(one, told)])
    assert found["arrived"]["max"] == 0.0
    assert found["first_token"]["median"] == pytest.approx(20.0)
    # 20 ms are 4 % of the prefill, and 10 % of the decode.
    assert found["first_token"]["close_share"] == 1.0
    assert found["last_token"]["close_share"] == 0.0


def test_of_windows_those_told_right_are_counted_by_phase() -> None:
    made = spans("c1", [(1.0, 0.5, 0.5)])
    nothing_told = judged(made, [], 0.0, 2.0)["windows"]
    assert nothing_told["right"] == nothing_told["most_frequent"] == pytest.approx(0.5, abs=0.01)
    assert nothing_told["right_by_phase"] == {"idle": 1.0, "prefill": 0.0, "decode": 0.0}
    assert judged(made, made, 0.0, 2.0)["windows"]["right"] == 1.0


def test_questions_stay_within_what_the_model_can_read() -> None:
    asked = questions(200, 512, 48, 0.2, seed=1)
    assert asked == questions(200, 512, 48, 0.2, seed=1)
    assert asked != questions(200, 512, 48, 0.2, seed=2)
    assert {one.prompt_tokens for one in asked} <= set(range(LEAST_PROMPT_TOKENS, 513))
    assert {one.new_tokens for one in asked} <= set(range(LEAST_NEW_TOKENS, 49))


def test_conditions_have_names_of_their_own() -> None:
    for plan in (FULL, QUICK):
        names = [condition.name for condition in plan.conditions]
        assert len(set(names)) == len(names)
