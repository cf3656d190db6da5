"""How much is measured, fully or quickly."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """``viewers``: how many look at once, in turn; ``look_seconds``: for how long each time.
    ``rounds``: of runs with and without a log, of so many batches each."""

    workers: int = 1_000
    batches: int = 100_000
    items_per_batch: int = 2
    batch_seconds: float = 6.0
    viewers: tuple[int, ...] = (0, 1, 10)
    look_seconds: float = 20.0
    frame_seconds: float = 5.0
    rounds: int = 5
    run_batches: int = 400
    run_batch_seconds: float = 0.02


FULL = Plan()
QUICK = Plan(
    workers=20,
    batches=200,
    viewers=(0, 1, 2),
    look_seconds=1.5,
    frame_seconds=0.5,
    rounds=1,
    run_batches=10,
)
