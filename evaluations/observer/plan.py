"""How much is measured, fully or quickly."""

from __future__ import annotations

from dataclasses import dataclass

MOST = 0
"""For a rate: as many as the sender can."""


@dataclass(frozen=True)
class Plan:
    rates: tuple[int, ...] = (1_000, 10_000, 50_000, 100_000, 200_000, 400_000, MOST)
    """Packets per second, in turn."""
    flow_counts: tuple[int, ...] = (16, 2048)
    """Over so many flows."""
    seconds: float = 4.0
    """Of each rate, and of watching nothing."""
    rounds: int = 12
    """With the observer and without."""
    applications: tuple[tuple[str, float, int], ...] = (("echo", 0.0, 1500), ("decode", 0.005, 150))
    """What is watched: seconds of work before each answer, and how many answers a round has. One
    does nothing but send; the other is as a decoding step is."""
    sampler_seconds: float = 30.0
    kept_up_rate: int = 100_000
    """Packets per second at which nothing may be dropped."""


FULL = Plan()
QUICK = Plan(
    rates=(2000,),
    flow_counts=(16,),
    seconds=1.0,
    rounds=1,
    applications=(("decode", 0.005, 20),),
    sampler_seconds=2.5,
    kept_up_rate=2000,
)
