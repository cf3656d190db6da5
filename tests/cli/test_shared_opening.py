"""What most chats of a file begin with is found in whole turns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcm.cli.shared_opening import LEAST_CHATS, Turn, shared_opening

SYSTEM = {"role": "system", "content": "Be brief."}
EXAMPLE = [{"role": "user", "content": "1 + 1"}, {"role": "assistant", "content": "2"}]


def asks(count: int, *opening: Turn) -> list[list[Turn]]:
    """So many chats that begin so, each with a question of its own."""
    return [[*opening, {"role": "user", "content": f"{number} + 3"}] for number in range(count)]


def test_system_prompt_and_examples_are_found_though_some_chats_lack_them() -> None:
    chats = [*asks(5, SYSTEM, *EXAMPLE), *asks(2, SYSTEM), *asks(2)]
    assert shared_opening(chats) == [SYSTEM, *EXAMPLE]


@pytest.mark.parametrize(
    "chats",
    [
        [],
        asks(LEAST_CHATS - 1, SYSTEM),
        [*asks(LEAST_CHATS, SYSTEM), *asks(LEAST_CHATS)],
        [[SYSTEM]] * LEAST_CHATS,
        asks(LEAST_CHATS),
    ],
    ids=["none", "too few", "half of them", "nothing after it", "nothing shared"],
)
def test_no_opening(chats: list[list[Turn]]) -> None:
    assert shared_opening(chats) == []


turns = st.sampled_from(["a", "b", "c"]).map(lambda text: {"role": "user", "content": text})


@given(st.lists(st.lists(turns, min_size=1, max_size=4), max_size=20))
def test_more_than_half_of_the_chats_go_on_after_it(chats: list[list[Turn]]) -> None:
    opening = shared_opening(chats)
    if opening:
        length = len(opening)
        going_on = [one for one in chats if one[:length] == opening and len(one) > length]
        assert len(going_on) > len(chats) / 2
