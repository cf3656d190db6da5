from __future__ import annotations

import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.telemetry.exposition import samples

TEXT = r"""# HELP a_total What it counts.
# TYPE a_total counter
a_total{gpu="0",UUID="GPU-1", name="a \"b\" \\ \n c",} 17 1700000000000
a_total 1.5e3
other{broken
b{} NaN
b	+Inf
"""


def test_samples_of_the_wanted_names() -> None:
    first, second, third, fourth = samples(TEXT, {"a_total", "b"})
    assert first == ("a_total", {"gpu": "0", "UUID": "GPU-1", "name": 'a "b" \\ \n c'}, 17.0)
    assert second == ("a_total", {}, 1500.0)
    assert math.isnan(third.value)
    assert fourth == ("b", {}, math.inf)


@pytest.mark.parametrize(
    "line", ["a", "a ", "a{b} 1", 'a{b="c} 1', 'a{b="c"} 1 2 3', "a one", 'a{b="c" d="e"} 1']
)
def test_what_is_not_in_the_format_is_refused_with_its_line(line: str) -> None:
    with pytest.raises(ValueError, match="line 2: "):
        list(samples(f"b 1\n{line}\n", {"a", "b"}))


@given(st.text(max_size=100))
def test_any_label_comes_through(text: str) -> None:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    (sample,) = samples(f'a{{b="{escaped}",c="d"}} 1', {"a"})
    assert sample.labels == {"b": text, "c": "d"}


@given(st.text())
def test_whatever_comes_ends_in_samples_or_in_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        for sample in samples(text, {"a", ""}):
            assert sample.name == "a"
