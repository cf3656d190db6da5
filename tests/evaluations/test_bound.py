"""What the evaluation of bounds makes of its simulations."""

from __future__ import annotations

import numpy as np
import pytest

from evaluations import traces
from evaluations.bound.measuring import targets
from evaluations.bound.policies import BASELINES, MISLED, PCM, mislead
from evaluations.bound.pools import POOLS, TRACED, steady
from tests.evaluations import program


def figures(pcm: float, misled: float, baseline: float) -> dict[str, dict[str, float]]:
    found = {PCM: pcm, MISLED: misled, **dict.fromkeys(BASELINES, baseline)}
    return {name: {"median": value, "worst": value - 0.1} for name, value in found.items()}


def test_targets_are_about_the_pool_where_it_does_worst() -> None:
    found = targets({"good": figures(0.99, 0.99, 0.5), "bad": figures(0.94, 0.90, 0.96)})
    assert [(target.met, "bad" in target.what) for target in found] == [(False, True)] * 4
    assert all(target.met for target in targets({"good": figures(0.99, 0.99, 0.5)}))


def test_wrong_costs_are_wrong_by_up_to_two() -> None:
    scenario = steady(np.random.default_rng(0))
    (run,) = mislead(scenario, np.random.default_rng(1)).runs.values()
    assert run.told is not None
    ratios = run.told / run.costs
    assert 0.5 <= ratios.min() < 0.52
    assert 1.92 < ratios.max() <= 2.0


@pytest.mark.parametrize("name", sorted(POOLS))
def test_a_pool_is_the_same_for_the_same_seed(name: str) -> None:
    if name in TRACED and traces.directory() is None:
        pytest.skip(f"no traces: {traces.PLACE} names no directory, and none lies beside")
    first, second = (POOLS[name](np.random.default_rng(3)) for _ in range(2))
    assert first.visits == second.visits
    assert first.visits


def test_it_prints_its_figures() -> None:
    program.assert_complete(program.quick("bound")["targets"], 4)
