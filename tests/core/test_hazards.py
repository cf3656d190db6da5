from __future__ import annotations

import pytest

from pcm.core.events import Capacity
from pcm.core.hazards import Hazards
from pcm.core.worker import Worker

PRIOR_SECONDS = 3600.0
WAVE_SECONDS = 60.0


class Pool:
    """Hazards, and the workers that they are told of."""

    def __init__(self) -> None:
        self.hazards = Hazards(PRIOR_SECONDS, WAVE_SECONDS)
        self.workers: list[Worker] = []

    def join(self, count: int, kind: str, zone: str = "", at: float = 0.0) -> list[Worker]:
        joined = [
            Worker(f"w{n}", Capacity(kind=kind, zone=zone), n, at)
            for n in range(len(self.workers), len(self.workers) + count)
        ]
        for worker in joined:
            self.hazards.joined(worker, at)
        self.workers += joined
        return joined

    def life(self, kind: str, zone: str = "", *, now: float) -> float:
        return self.hazards.life_seconds_of(Capacity(kind=kind, zone=zone), now)


def test_before_anything_was_seen_the_prior_holds() -> None:
    assert Pool().life("a100", now=0.0) == pytest.approx(PRIOR_SECONDS)


def test_evictions_shorten_the_expected_life() -> None:
    pool = Pool()
    first, _ = pool.join(2, "cpu")
    assert pool.hazards.life_seconds(100.0) == pytest.approx(PRIOR_SECONDS + 200.0)
    pool.hazards.left(first, 100.0, evicted=True)
    assert pool.hazards.life_seconds(100.0) == pytest.approx((PRIOR_SECONDS + 200.0) / 2)


def test_each_kind_and_each_zone_has_a_rate_of_its_own() -> None:
    pool = Pool()
    pool.join(10, "steady", "x", at=0.0)
    for began in range(0, 10_000, 100):  # one after the other, 100 s each
        (hasty,) = pool.join(1, "hasty", "x", at=float(began))
        pool.hazards.left(hasty, began + 100.0, evicted=True)
    now = 10_200.0
    assert pool.life("hasty", "x", now=now) < 130.0
    assert pool.life("steady", "x", now=now) > 10 * 130.0
    unknown = pool.life("other", now=now)
    assert pool.life("hasty", "x", now=now) < unknown < pool.life("steady", "x", now=now)
    assert pool.hazards.best_life_seconds(now) == pool.life("steady", "x", now=now)


def test_a_zone_of_which_little_is_known_is_like_its_kind() -> None:
    pool = Pool()
    for began in range(0, 10_000, 100):
        (worker,) = pool.join(1, "a10", "x", at=float(began))
        pool.hazards.left(worker, began + 100.0, evicted=True)
    pool.join(1, "a10", "new", at=10_000.0)
    assert pool.life("a10", "new", now=10_100.0) < 1.6 * pool.life("a10", "x", now=10_100.0)


@pytest.mark.parametrize("struck", ["kind", "zone"])
def test_in_a_wave_the_others_are_held_to_go_at_its_pace_until_it_is_over(struck: str) -> None:
    pool = Pool()
    kinds = ["a100"] * 8 if struck == "kind" else ["a100", "a10"] * 4
    there = [pool.join(1, kind, "x")[0] for kind in kinds]
    pool.join(8, "titan", "y")
    before = pool.life("a100", "x", now=1000.0)
    for worker in there[:4]:
        pool.hazards.left(worker, 1001.0, evicted=True)
    assert pool.life(kinds[-1], "x", now=1001.0) < 150.0 < before
    assert pool.life("titan", "y", now=1001.0) > 1000.0
    assert pool.life(kinds[-1], "x", now=1001.0 + WAVE_SECONDS + 1.0) > 500.0


def test_one_eviction_is_no_wave_and_retired_workers_are_none() -> None:
    pool = Pool()
    there = pool.join(8, "a100")
    pool.hazards.left(there[0], 1000.0, evicted=True)
    for worker in there[1:7]:
        pool.hazards.left(worker, 1000.0, evicted=False)
    assert pool.life("a100", now=1000.0) > 1000.0


def test_the_first_word_of_a_workers_going_counts() -> None:
    pool = Pool()
    (worker,) = pool.join(1, "a100")
    pool.hazards.left(worker, 100.0, evicted=True)
    after = pool.life("a100", now=200.0)
    pool.hazards.left(worker, 110.0, evicted=True)
    assert pool.life("a100", now=200.0) == after
