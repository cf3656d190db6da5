from __future__ import annotations

import pytest

from workers.heads.profile import HeadProfile

PROFILE = HeadProfile("tiny", 128, 4, 1000, ((100.0, 156.5), (1.0, 0.0)), head_bytes=10)


def test_json_and_back() -> None:
    assert HeadProfile.from_json(PROFILE.to_json()) == PROFILE
    assert PROFILE.loads().tolist() == [[100.0, 156.5], [1.0, 0.0]]


@pytest.mark.parametrize(
    ("kept", "says"),
    [
        ("[]", "there is no layer with a head"),
        ("[[1, 2], [1]]", "layer 1 has 1 heads, layer 0 has 2"),
        ("[[1, -2]]", "layer 0, head 1 keeps -2.0 tokens"),
        ("[[1, 2], [0, 0]]", "no head of layer 1 keeps a token"),
        ('[["much"]]', r"Expected `float`, got `str` - at `\$.kept"),
        ("1", r"Expected `array`, got `int` - at `\$.kept`"),
    ],
)
def test_what_is_no_profile_is_refused_with_the_place(kept: str, says: str) -> None:
    text = f'{{"model": "m", "budget_tokens": 1, "prompts": 1, "prompt_tokens": 1, "kept": {kept}}}'
    with pytest.raises(ValueError, match=says):
        HeadProfile.from_json(text)


def test_a_number_below_zero_is_refused() -> None:
    text = PROFILE.to_json().replace(b'"prompts":4', b'"prompts":-4')
    with pytest.raises(ValueError, match="not below 0"):
        HeadProfile.from_json(text)
