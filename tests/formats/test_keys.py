from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pcm.formats.keys import SeenKeys


@given(st.lists(st.one_of(st.integers(0, 9), st.sampled_from("0123456789")), max_size=40))
def test_duplicates_are_those_of_a_dict(keys: list[int | str]) -> None:
    seen = SeenKeys()
    first: dict[tuple[type, int | str], int] = {}
    expected = []
    for line, key in enumerate(keys, 1):
        seen.add(line, key)
        earlier = first.setdefault((type(key), key), line)
        if earlier != line:
            expected.append((earlier, line))
    assert seen.duplicates(limit=100) == expected
    assert seen.duplicates(limit=2) == expected[:2]
