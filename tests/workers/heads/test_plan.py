from __future__ import annotations

from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.heads.plan import HeadPlan, Share, rows_of

PLAN = HeadPlan(
    2, 3, "copied", (((Share(0), Share(2, 0.0, 0.25)), (Share(1), Share(2, 0.25, 1.0))),)
)
KEPT = np.array([[10.0, 20.0, 40.0]])


def test_loads_are_parts_of_heads() -> None:
    assert PLAN.loads(KEPT).tolist() == [[20.0, 50.0]]
    assert PLAN.utilisation(KEPT) == 35 / 50
    assert PLAN.copies == 1


def test_loads_of_a_batch_are_whole_rows() -> None:
    assert PLAN.loads(KEPT, rows=4).tolist() == [[20.0, 50.0]]
    assert PLAN.loads(KEPT, rows=1).tolist() == [[10.0, 60.0]]
    assert PLAN.loads(KEPT, rows=3) == pytest.approx(np.array([[10 + 40 / 3, 20 + 80 / 3]]))


def test_utilisation_is_that_of_layers_one_after_the_other() -> None:
    """Each layer ends with a sum over ranks: what is even over all layers may be slow in each."""
    plan = HeadPlan(2, 2, "equal", (((Share(0),), (Share(1),)),) * 2)
    kept = np.array([[1.0, 3.0], [3.0, 1.0]])
    assert plan.loads(kept).sum(axis=0).tolist() == [4.0, 4.0]
    assert plan.utilisation(kept) == 4 / 6
    assert plan.utilisation(np.zeros((2, 2))) == 1.0


def test_loads_of_another_model_are_refused() -> None:
    with pytest.raises(ValueError, match="a plan for 1 layers x 3 heads, loads of 1 x 2"):
        PLAN.loads(np.ones((1, 2)))


ONE, TWO, THREE = Share(0), Share(1), Share(2)


@pytest.mark.parametrize(
    ("layer", "says"),
    [
        (((ONE,), ()), "head 1 are not all rows exactly once"),
        (((ONE, TWO), (TWO,)), "head 1 are not all rows exactly once"),
        (((ONE, Share(1, 0.0, 0.5)), (Share(1, 0.6, 1.0),)), "head 1 are not all"),
        (((ONE, Share(1, 0.0, 0.5)), (Share(1, 0.4, 1.0),)), "head 1 are not all"),
        (((ONE, Share(1, 0.0, 0.5)), ()), "head 1 are not all"),
        (((ONE, Share(1, 0.0, 1.5)), ()), "head 1 are not all"),
        (((ONE, Share(1, 0.0, 0.5), Share(1, 0.5, 1.0)), ()), "two parts of one head"),
        (((ONE, TWO, THREE), ()), "there is no head 2"),
        (((ONE, TWO, Share(-1)), ()), "there is no head -1"),
        (((Share(0, 0.0, 0.0), TWO), (ONE,)), "head 0 has an empty share"),
        (((ONE, TWO),), "shares of 1 of 2 ranks"),
    ],
)
def test_a_plan_that_is_none_cannot_be_made_or_read(
    layer: tuple[tuple[Share, ...], ...], says: str
) -> None:
    with pytest.raises(ValueError, match=f"^layer 0: .*{says}"):
        HeadPlan(2, 2, "copied", (layer,))
    text = msgspec.json.encode({"ranks": 2, "heads": 2, "method": "copied", "layers": [layer]})
    with pytest.raises(ValueError, match=f"^this is no plan of heads: layer 0: .*{says}"):
        HeadPlan.from_json(text)


def test_a_plan_without_ranks_is_none() -> None:
    with pytest.raises(ValueError, match="a plan of 1 heads on 0 ranks"):
        HeadPlan(0, 1, "equal", ())


def test_json_and_back() -> None:
    assert HeadPlan.from_json(PLAN.to_json()) == PLAN
    with pytest.raises(ValueError, match=r"^this is no plan of heads: Object missing .*`ranks`"):
        HeadPlan.from_json("{}")


@given(
    borders=st.lists(st.floats(0.0, 1.0, exclude_min=True, exclude_max=True), unique=True),
    rows=st.integers(0, 100),
)
def test_shares_of_a_head_tile_the_rows_of_any_batch(borders: list[float], rows: int) -> None:
    cuts = [0.0, *sorted(borders), 1.0]
    shares = [Share(0, start, stop) for start, stop in pairwise(cuts)]
    assert [row for share in shares for row in rows_of(share, rows)] == list(range(rows))
