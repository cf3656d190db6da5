"""How well clocks are told from each other: by exchanges, and by events that both sides see.

The manager's clock is made to be off and to drift; everything else is as it is in use: an agent in
its own process that connects over the loopback and is probed, and a process that stamps events of
which another sees most. Both read one clock of the machine, so what is told can be compared with
what is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from evaluations.base import Target
from evaluations.clocks.measuring import measure
from evaluations.clocks.plan import FULL, QUICK


def evaluate(say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    """Two minutes."""
    return measure(FULL, say)


def quick(say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    """A few seconds of each."""
    return measure(QUICK, say)
