from __future__ import annotations

from datetime import datetime

import pytest

from pcm.cli.moments import moment
from pcm.errors import InputError


def test_moments_are_ago_or_a_date_or_unix_seconds() -> None:
    now = 1_000_000.0
    assert moment("90s", now) == now - 90
    assert moment("1.5 min", now) == now - 90
    assert moment("2h", now) == now - 7200
    assert moment("1d", now) == now - 86400
    assert moment("1700000000.5") == 1_700_000_000.5
    assert moment("2026-01-31 12:30") == datetime(2026, 1, 31, 12, 30).timestamp()
    assert moment("2026-01-31T12:30:00+00:00") == 1_769_862_600.0


@pytest.mark.parametrize("text", ["", "soon", "10", "10 weeks", "-5s"])
def test_what_is_no_moment_is_said(text: str) -> None:
    with pytest.raises(InputError, match="is no moment; give 10min"):
        moment(text)
