"""What the ablation switches off, and what it makes of its simulations."""

from __future__ import annotations

import numpy as np
import pytest

from evaluations.ablation.measuring import targets
from evaluations.ablation.pools import POOLS
from evaluations.ablation.variants import SWEEP, VARIANTS, Variant
from pcm.engines.simulated import simulate
from tests.evaluations import program


@pytest.mark.parametrize("variant", [*VARIANTS, *SWEEP], ids=lambda variant: variant.without)
def test_pcm_without_it_still_does_all_the_work(variant: Variant) -> None:
    scenario = variant.scenario(POOLS["short"](np.random.default_rng(0)))
    outcome = simulate(scenario, variant.decider())
    assert outcome.items == 3000
    assert outcome.efficiency <= 1.0


def test_what_is_worth_nothing_is_told() -> None:
    figures = {
        "without": {"a": {"x": 1.2, "y": 0.99}, "b": {"x": 1.001, "y": 1.0}},
        "batch_seconds": {"1 s": {"x": 1.0, "y": 1.3}, "4 s": {"x": 1.1, "y": 0.9}},
    }
    assert [target.met for target in targets(figures)] == [True, False, True, False]


def test_it_prints_its_figures() -> None:
    assert program.quick("ablation")["figures"].keys() >= {"without", "batch_seconds"}
