from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from workers.heads.choices import WORTH
from workers.heads.plan import rows_of
from workers.heads.planning import Method, plan_heads

Loads = NDArray[np.float64]


@st.composite
def models(draw: st.DrawFn) -> Loads:
    """Layers of heads of which some keep much more than others, some nothing."""
    layers, heads = draw(st.integers(1, 4)), draw(st.integers(1, 12))
    tokens = st.one_of(st.integers(0, 20), st.integers(0, 4000)).map(float)
    rows = st.lists(tokens, min_size=heads, max_size=heads)
    return np.array(draw(st.lists(rows, min_size=layers, max_size=layers)))


@given(models(), st.integers(1, 8), st.none() | st.integers(0, 12), st.none() | st.integers(1, 20))
def test_any_plan_has_every_head_once_per_row_and_is_not_worse_than_the_equal_split(
    loads: Loads, ranks: int, copies: int | None, rows: int | None
) -> None:
    slowest = {}
    for method in get_args(Method):
        plan = plan_heads(loads, ranks, copies=copies, method=method, rows=rows)
        for count in (1, 5, 16):
            had = np.zeros((len(loads), plan.heads, count), dtype=int)
            for layer, _, share in plan.shares():
                for row in rows_of(share, count):
                    had[layer, share.head, row] += 1
            assert (had == 1).all()
        assert plan.copies <= (len(loads) * (ranks - 1) if copies is None else copies)
        slowest[method] = plan.loads(loads, rows).max(axis=1)
    assert (slowest["assigned"] <= slowest["equal"] * (1 + 1e-9)).all()
    assert (slowest["copied"] <= slowest["assigned"] * (1 + 1e-9)).all()


def skewed(layers: int, heads: int) -> Loads:
    return 128 + np.random.default_rng(heads).pareto(1.2, (layers, heads)) * 256


@pytest.mark.parametrize("heads", [8, 64])
@pytest.mark.parametrize("ranks", [2, 4, 8])
def test_copies_level_what_assignment_cannot(heads: int, ranks: int) -> None:
    loads = skewed(8, heads)
    plan = plan_heads(loads, ranks)
    assert plan.utilisation(loads) >= 1 / (1 + WORTH) - 1e-9
    assert plan.copies <= 8 * (ranks - 1)
    assert plan_heads(loads, ranks, method="assigned").copies == 0


def test_a_plan_for_few_rows_is_better_there() -> None:
    loads = skewed(8, 8)
    for rows in (8, 16):
        whole = plan_heads(loads, 8, rows=rows)
        assert whole.utilisation(loads, rows) > plan_heads(loads, 8).utilisation(loads, rows)
        borders = {share.start * rows for _, _, share in whole.shares()}
        assert all(border == round(border) for border in borders)


def test_more_copies_never_make_it_slower() -> None:
    loads = skewed(6, 8)
    found = [plan_heads(loads, 4, copies=copies).utilisation(loads) for copies in range(0, 20, 3)]
    assert found == sorted(found)
    assert found[0] == plan_heads(loads, 4, method="assigned").utilisation(loads)
    assert found[-1] > found[0]


def test_caches_are_even_over_the_layers() -> None:
    """The heaviest part of each layer goes to the rank that has least."""
    loads = np.array([[40.0, 10.0], [40.0, 10.0], [40.0, 10.0], [40.0, 10.0]])
    plan = plan_heads(loads, 2, method="assigned")
    assert plan.loads(loads).sum(axis=0).tolist() == [100.0, 100.0]


def test_heads_in_a_row_to_every_rank() -> None:
    plan = plan_heads(np.ones((2, 6)), 4, method="equal")
    assert [[share.head for share in rank] for rank in plan.layers[1]] == [[0], [1, 2], [3], [4, 5]]


@pytest.mark.parametrize(
    ("loads", "options", "says"),
    [
        (np.ones(3), {}, r"\[layers, heads\]"),
        (np.ones((0, 3)), {}, r"\[layers, heads\]"),
        (np.array([[1.0, np.nan]]), {}, "finite"),
        (np.array([[1.0, -1.0]]), {}, "not below 0"),
        (np.ones((1, 2)), {"ranks": 0}, "0 ranks"),
        (np.ones((1, 2)), {"copies": -1}, "-1 copies"),
        (np.ones((1, 2)), {"rows": 0}, "0 rows"),
    ],
)
def test_what_cannot_be_planned_is_refused(
    loads: Loads, options: dict[str, int], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        plan_heads(
            loads, options.get("ranks", 2), copies=options.get("copies"), rows=options.get("rows")
        )
