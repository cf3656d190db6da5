"""The level of detail of lanes: no finer than columns, and no time lost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcm.chronicle import USES, Chronicle
from pcm.core.commands import Load
from pcm.core.events import BatchDone, ItemsDone
from tests.report.logs import BEGIN, STARTED, Told, added, dispatch, joined, logged, warm


def busy(batches: list[tuple[float, float]]) -> Chronicle:
    """One worker with batches, each so long after a pause."""
    log: list[Told] = [(0, STARTED), (0, added(10_000)), (0, joined()), (0, Load("w1", "c", 1))]
    log.append((5, warm()))
    at = 5.0
    for number, (pause, seconds) in enumerate(batches):
        at += pause
        log.append((at, dispatch(number, ((number, number + 1),))))
        at += seconds
        log.append((at, ItemsDone(number, (0,))))
        log.append((at, BatchDone(number, run_seconds=seconds)))
    chronicle = Chronicle()
    for entry in logged(log):
        chronicle.take(entry)
    return chronicle


def test_what_is_wide_stays_as_it_was() -> None:
    chronicle = busy([(0, 10), (2, 20)])
    (found,) = chronicle.windows(chronicle.lanes, BEGIN, BEGIN + 40, 40, BEGIN + 37)
    assert [USES[use] for use in found.use] == ["loading", "useful", "idle", "useful"]
    assert (found.start - BEGIN).tolist() == pytest.approx([0, 5, 15, 17])
    assert (found.stop - BEGIN).tolist() == pytest.approx([5, 15, 17, 37])
    assert chronicle.batch_ids(found.row).tolist() == [-1, 0, -1, 1]
    assert found.context.tolist() == [0, 0, -1, 0]
    assert found.share.tolist() == [1, 1, 1, 1]


def test_what_is_narrow_becomes_what_most_of_it_was() -> None:
    chronicle = busy([(0.1, 0.9)] * 500)
    (found,) = chronicle.windows(chronicle.lanes, BEGIN, BEGIN + 505, 50, BEGIN + 505)
    assert [USES[use] for use in found.use][-1] == "useful"
    assert len(found.use) <= 3
    assert found.share[-1] == pytest.approx(0.9, abs=0.01)
    assert found.row[-1] == -1
    (closer,) = chronicle.windows(chronicle.lanes, BEGIN + 100, BEGIN + 110, 1000, BEGIN + 505)
    assert len(closer.use) == 20


def test_breaks_that_nobody_could_see_are_left_out() -> None:
    chronicle = busy([(0.01, 20.0)] * 5)
    (found,) = chronicle.windows(chronicle.lanes, BEGIN, BEGIN + 106, 106, BEGIN + 106)
    assert [USES[use] for use in found.use].count("useful") == 5
    assert "idle" not in [USES[use] for use in found.use][:-1]


@settings(max_examples=100)
@given(
    st.lists(st.tuples(st.floats(0, 5), st.floats(0.01, 10)), min_size=1, max_size=60),
    st.floats(-5, 50),
    st.floats(1, 200),
    st.integers(1, 300),
)
def test_spans_follow_one_another(
    batches: list[tuple[float, float]], first: float, seconds: float, columns: int
) -> None:
    chronicle = busy(batches)
    (lane,), at = chronicle.lanes, chronicle.last_at
    start, stop = BEGIN + first, BEGIN + first + seconds
    (found,) = chronicle.windows([lane], start, stop, columns, at)
    if max(start, lane.joined_at) >= min(stop, at):
        assert len(found.start) == 0
        return
    assert found.start[0] == pytest.approx(max(start, lane.joined_at))
    assert found.stop[-1] == pytest.approx(min(stop, at))
    assert (found.start[1:] == found.stop[:-1]).all()
    assert (found.stop > found.start).all()
    assert ((found.share > 0) & (found.share <= 1)).all()
    width = seconds / columns
    narrow = (found.stop - found.start) < width
    assert len(found.start) <= 3 * columns + 5
    # Two narrow neighbours of one kind would be one span.
    alike = (found.use[1:] == found.use[:-1]) & (found.context[1:] == found.context[:-1])
    assert not (narrow[1:] & narrow[:-1] & alike & (found.row[1:] < 0) & (found.row[:-1] < 0)).any()
    assert np.isfinite(found.share).all()
