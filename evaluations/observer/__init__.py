"""What watching costs: the inline observer and the samplers, and whom they watch.

Two hosts are network namespaces joined by a veth pair. Packets are sent from one to the other at
rising rates while the observer watches where they arrive: what of a core it takes, and what is
dropped. Then an application's round trips over the pair are measured with the observer and without,
in turn, so that what else the machine does befalls both alike. Here the observer shares the cores
of those it watches; on a data processing unit it does not. Last, a process with nothing but the
samplers, which read once a second. Needs root, for the namespaces.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from evaluations.base import Target
from evaluations.observer.measuring import measure
from evaluations.observer.plan import FULL, QUICK


def evaluate(say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    """All of it, two to three minutes."""
    return measure(FULL, say)


def quick(say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    """One rate, one round, and a few readings of the samplers."""
    return measure(QUICK, say)
