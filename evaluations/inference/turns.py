"""Ways to do the same work take turns."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from evaluations.inference import STATIC


class Turn(NamedTuple):
    """Items or tokens ``done`` in so many seconds."""

    done: float
    seconds: float


Timed = dict[str, Callable[[], Turn]]
"""By way: does the work once."""


def clocked(do: Callable[[], float]) -> Callable[[], Turn]:
    """``do`` as a turn: all of it counts."""

    def turn() -> Turn:
        start = time.perf_counter()
        done = do()
        return Turn(done, time.perf_counter() - start)

    return turn


def in_turns(timed: Timed, rounds: int) -> dict[str, list[float]]:
    """Items or tokens per second of every way, round by round.

    Static batches of all sizes are in the first round, of the fastest size in the others.
    """
    rates: dict[str, list[float]] = {name: [] for name in timed}
    going = list(timed)
    for _ in range(rounds):
        for name in going:
            turn = timed[name]()
            rates[name].append(turn.done / turn.seconds)
        static = [name for name in going if name.startswith(STATIC)]
        slower = sorted(static, key=lambda name: rates[name][0])[:-1]
        going = [name for name in going if name not in slower]
    return rates
