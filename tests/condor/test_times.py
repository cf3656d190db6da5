"""Times as people write them."""

from __future__ import annotations

from typing import Any

import pytest

from condor.times import parse_seconds
from pcm.errors import InputError


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("8 h", 28800), ("90min", 5400), ("1.5 d", 129600), ("30 s", 30), (600, 600), (0.5, 0.5)],
)
def test_times(written: str | float, seconds: float) -> None:
    assert parse_seconds(written) == seconds


@pytest.mark.parametrize("bad", ["", "8", "8 weeks", "h", "-1 s", -1, float("inf"), True, None])
def test_what_is_no_time(bad: Any) -> None:
    with pytest.raises(InputError, match=r"walltime: .* is not a time"):
        parse_seconds(bad, field="walltime")
