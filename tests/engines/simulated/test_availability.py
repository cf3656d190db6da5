from __future__ import annotations

from math import inf, isinf

import numpy as np

from pcm.engines.simulated.availability import from_counts, from_curve, from_rates
from pcm.engines.simulated.scenario import Visit


def there(visits: list[Visit], at: float) -> int:
    return sum(visit.start_seconds <= at < visit.end_seconds for visit in visits)


def test_counts_are_kept_between_ticks() -> None:
    counts = [0, 3, 1, 4, 0, 2]
    visits = from_counts(counts, 100.0, "a10", np.random.default_rng(0))
    assert [there(visits, tick * 100.0 + 50.0) for tick in range(6)] == counts
    assert sum(isinf(visit.end_seconds) for visit in visits) == 2


def test_a_curve_is_climbed_step_by_step() -> None:
    visits = from_curve([(10, 2), (20, 2), (30, 6)], ["a", "b"])
    assert [visit.start_seconds for visit in visits] == [5.0, 10.0, 22.5, 25.0, 27.5, 30.0]
    assert [visit.kind for visit in visits] == ["a", "b"] * 3


def test_rates_hold_in_the_long_run() -> None:
    rng = np.random.default_rng(1)
    visits = from_rates(["a"] * 50, rng, until_seconds=100_000, stay_seconds=900, away_seconds=300)
    mean = np.mean([there(visits, at) for at in range(0, 99_000, 1000)])
    assert 35 < mean < 40  # 37.5 of 50
    gone = [v.end_seconds - v.start_seconds for v in visits if v.end_seconds < inf]
    assert 800 < np.mean(gone) < 1000


def test_a_wave_takes_most_of_a_kind_and_no_other() -> None:
    rng = np.random.default_rng(2)
    visits = from_rates(
        ["a"] * 100 + ["b"] * 100,
        rng,
        until_seconds=10_000,
        stay_seconds=1e9,
        away_seconds=1.0,
        waves={5000.0: "a"},
        wave_share=0.8,
        wave_seconds=100.0,
    )
    ends = [v.kind for v in visits if 5000.0 <= v.end_seconds <= 5100.0]
    assert set(ends) == {"a"}
    assert 70 <= len(ends) <= 90


def test_the_same_seed_gives_the_same_visits() -> None:
    def visits() -> list[Visit]:
        rng = np.random.default_rng(7)
        return from_rates(["a"] * 3, rng, until_seconds=1e4, stay_seconds=99, away_seconds=9)

    assert visits() == visits()
