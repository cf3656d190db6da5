from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pcm.report.timeline import Stretch, Use, divide

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


@given(STRETCHES)
def test_each_moment_counts_once_by_its_best_use(stretches: list[Stretch]) -> None:
    joined, left = 0, 25
    expected = dict.fromkeys([*USES, "idle"], 0)
    for moment in range(joined, left):
        going_on = {s.use for s in stretches if s.start <= moment < s.stop}
        best = next((use for use in USES if use in going_on), "idle")
        expected[best] += 1
    split, contexts = divide(joined, left, stretches)
    assert abs(split.useful_seconds - expected["useful"]) < 1e-9
    assert abs(split.lost_seconds - expected["lost"]) < 1e-9
    assert abs(split.loading_seconds - expected["loading"]) < 1e-9
    assert abs(split.idle_seconds - expected["idle"]) < 1e-9
    shared = sum(part.useful_seconds for part in contexts.values())
    assert abs(shared - split.useful_seconds) < 1e-9


def test_contexts_share_a_moment() -> None:
    stretches = [Stretch(0, 4, "useful", "a"), Stretch(2, 6, "useful", "b")]
    split, contexts = divide(0, 10, stretches)
    assert split.useful_seconds == 6
    assert split.idle_seconds == 4
    assert contexts["a"].useful_seconds == contexts["b"].useful_seconds == 3
