"""What the three provisioners are given to do, and when the machines' owners come."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Away:
    """An owner takes GPUs of one machine, this long after the run has begun."""

    at_seconds: float
    machine: str
    gpus: int
    seconds: float


@dataclass(frozen=True)
class Phase:
    """A pause without work, then a run; items cost so many seconds of the slowest GPU model.

    Nobody is told beforehand what an item costs, as nobody knows how long an answer will be.
    """

    name: str
    costs: tuple[float, ...]
    pause_seconds: float = 0.0
    away: tuple[Away, ...] = ()


@dataclass(frozen=True)
class Plan:
    """All of it, or as little as shows that it works. Seconds are dilated ones."""

    rounds: int
    dilation_factor: float
    """So many seconds of a real pool are one here."""
    load_seconds: float
    phases: tuple[Phase, ...]


SPEEDS = {"ada": 3.0, "bob": 1.5, "cyd": 1.0}
"""By machine of the personal pool, each of which has one model (A100, V100, TITAN RTX), relative to
the slowest."""
GPUS = {"ada": 2, "bob": 3, "cyd": 3}
MOST = sum(GPUS.values())

FULL = Plan(
    rounds=3,
    dilation_factor=20.0,
    load_seconds=2.0,
    phases=(
        Phase(
            "preempted",
            (0.5,) * 400 + (6.0,) * 4,
            away=(
                Away(5.0, "ada", 1, 7.0),
                Away(8.0, "cyd", 2, 6.0),
                Away(12.0, "bob", 1, 8.0),
                Away(15.0, "cyd", 1, 30.0),
            ),
        ),
        Phase("short", (1.5,) * 6, pause_seconds=8.0),
    ),
)
QUICK = Plan(
    rounds=1,
    dilation_factor=20.0,
    load_seconds=0.5,
    phases=(
        Phase("preempted", (0.5,) * 120 + (3.0,) * 2, away=(Away(2.5, "bob", 1, 3.0),)),
        Phase("short", (0.5,) * 3, pause_seconds=3.5),
    ),
)
