"""When a run will be done: within its bounds about as often as is promised."""

from __future__ import annotations

import numpy as np

from pcm.chronicle import Chronicle
from tests.chronicle.eta_coverage import measure
from tests.chronicle.test_moments import QUIET
from tests.report.logs import BEGIN, logged


def test_nine_of_ten_ends_are_within_the_bounds() -> None:
    told = measure(1, ("few workers", "costs unknown"))
    assert len(told) > 15
    assert np.mean([one.covers for one in told]) > 0.75
    late = [one for one in told if one.moment >= 0.5]
    assert np.median([abs(np.log(one.seconds / one.came)) for one in late]) < 0.25
    for one in told:
        assert 0.0 <= one.soonest <= one.seconds <= one.latest


def test_nothing_is_said_before_anything_is_known() -> None:
    chronicle = Chronicle()
    for entry in logged(QUIET[:9]):
        chronicle.take(entry)
    assert chronicle.eta(chronicle.last_at) is None


def test_what_is_done_ends_now_or_is_over() -> None:
    chronicle = Chronicle()
    entries = list(logged(QUIET))
    for entry in entries[:-2]:
        chronicle.take(entry)
    eta = chronicle.eta(chronicle.last_at)
    assert eta is not None
    assert eta.seconds == eta.latest_seconds == 0.0
    for entry in entries[-2:]:
        chronicle.take(entry)
    assert chronicle.eta(BEGIN + 12) is None
