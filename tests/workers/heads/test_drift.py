from __future__ import annotations

import numpy as np
import pytest

from workers.heads.drift import FIRST_ROWS, GAIN, HORIZON_ROWS, Drift
from workers.heads.planning import plan_heads

PLANNED = np.array([[900.0, 100.0, 100.0, 100.0], [300.0, 300.0, 300.0, 300.0]])
MOVED = PLANNED[:, ::-1] * [1.0, 1.0, 1.0, 3.0]


def test_what_was_planned_for_needs_no_other_plan() -> None:
    drift = Drift(plan_heads(PLANNED, 2))
    for _ in range(20):
        drift.observe(PLANNED * 1.01, FIRST_ROWS)
        assert drift.renewed() is None
    assert drift.kept() == pytest.approx(PLANNED * 1.01)


def test_heads_that_change_places_are_planned_anew_once() -> None:
    first = plan_heads(PLANNED, 2, method="assigned")
    drift = Drift(first, copies=0)
    drift.observe(MOVED, FIRST_ROWS - 1)
    assert drift.renewed() is None  # too few rows
    drift.observe(MOVED, 1)
    second = drift.renewed()
    assert second is not None
    assert second.utilisation(MOVED) >= first.utilisation(MOVED) * (1 + GAIN)
    assert drift.plan is second
    for _ in range(10):
        drift.observe(MOVED, FIRST_ROWS)
        assert drift.renewed() is None


def test_what_no_plan_can_mend_is_asked_for_ever_less_often() -> None:
    kept = np.array([[1000.0, 1.0]])
    drift = Drift(plan_heads(kept, 2, method="assigned"), copies=0)
    waits = []
    for _ in range(6):
        rows = 0
        patience = drift._patience
        while drift._waits > 0 or rows == 0:
            drift.observe(kept, 32)
            rows += 32
        assert drift.renewed() is None
        waits.append(patience)
    assert waits == [256, 512, 1024, 2048, 4096, HORIZON_ROWS]


def test_old_rows_fade() -> None:
    drift = Drift(plan_heads(PLANNED, 2))
    assert drift.kept().tolist() == np.zeros((2, 4)).tolist()
    drift.observe(PLANNED, HORIZON_ROWS)
    drift.observe(MOVED, HORIZON_ROWS // 2)
    assert drift.kept() == pytest.approx((PLANNED + MOVED) / 2)
    drift.observe(MOVED, 3 * HORIZON_ROWS)
    assert drift.kept() == pytest.approx(MOVED)


def test_the_same_rows_lead_to_the_same_plan() -> None:
    drifts = [Drift(plan_heads(PLANNED, 2)) for _ in range(2)]
    plans = []
    for drift in drifts:
        drift.observe(MOVED, FIRST_ROWS)
        plans.append(drift.renewed())
    assert plans[0] == plans[1] is not None


@pytest.mark.parametrize(
    ("kept", "rows", "says"),
    [
        (np.ones((2, 3)), 1, "not for 2 x 3"),
        (PLANNED, 0, "at least one row"),
        (-PLANNED, 1, "not below 0"),
        (PLANNED * np.inf, 1, "finite"),
    ],
)
def test_what_cannot_be_observed_is_refused(
    kept: np.ndarray[tuple[int, ...], np.dtype[np.float64]], rows: int, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        Drift(plan_heads(PLANNED, 2)).observe(kept, rows)
