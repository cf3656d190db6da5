from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pcm.report.timeline import Stretch, Use, divide
from pcm.report.waiting import WaitingTime

USES: list[Use] = ["useful", "lost", "loading"]
STRETCHES = st.lists(
    st.builds(
        lambda start, length, use, context: Stretch(start, start + length, use, context),
        st.integers(-5, 30),
        st.integers(0, 20),
        st.sampled_from(USES),
        st.sampled_from("ab"),
    ),
    max_size=12,
)


WAITING = st.lists(st.integers(-3, 28), unique=True, max_size=6).map(sorted)
"""When waiting began and ended, in turn."""


def waiting_time(edges: list[int]) -> WaitingTime:
    waiting = WaitingTime()
    for number, at in enumerate(edges):
        waiting.changed(at, waits=not number % 2)
    return waiting


@given(STRETCHES, WAITING)
def test_each_moment_counts_once_by_its_best_use(
    stretches: list[Stretch], edges: list[int]
) -> None:
    joined, left = 0, 25
    expected = dict.fromkeys([*USES, "idle", "no work"], 0)
    for moment in range(joined, left):
        going_on = {s.use for s in stretches if s.start <= moment < s.stop}
        rest = "idle" if sum(edge <= moment for edge in edges) % 2 else "no work"
        best = next((use for use in USES if use in going_on), rest)
        expected[best] += 1
    split, contexts = divide(joined, left, stretches, waiting_time(edges))
    assert abs(split.useful_seconds - expected["useful"]) < 1e-9
    assert abs(split.lost_seconds - expected["lost"]) < 1e-9
    assert abs(split.loading_seconds - expected["loading"]) < 1e-9
    assert abs(split.idle_seconds - expected["idle"]) < 1e-9
    assert abs(split.no_work_seconds - expected["no work"]) < 1e-9
    shared = sum(part.useful_seconds for part in contexts.values())
    assert abs(shared - split.useful_seconds) < 1e-9


def test_contexts_share_a_moment() -> None:
    stretches = [Stretch(0, 4, "useful", "a"), Stretch(2, 6, "useful", "b")]
    split, contexts = divide(0, 10, stretches, waiting_time([5, 8]))
    assert split.useful_seconds == 6
    assert (split.idle_seconds, split.no_work_seconds) == (2, 2)
    assert contexts["a"].useful_seconds == contexts["b"].useful_seconds == 3
