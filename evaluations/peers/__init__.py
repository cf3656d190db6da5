"""pcm beside the systems that its users know: the same work on the same machines, which are killed.

Four thousand items that sleep, on eight machines of four speeds, each with a context that takes
five seconds to load; and no kills, a kill -9 of a whole worker every six seconds, or every three.
After a kill nobody can load on that machine for two seconds, then anybody who has a process there,
which he may have started before: what a system takes to start processes is mostly hidden.

Time zero is the same for all: the work has been handed in, and for each machine a process waits
that would load its context next, and may from now on. The makespan ends when the user's program
has the last row. Loads, items and kills are counted from one ledger which all processes append to.
*Efficiency* is the clairvoyant fluid bound for the kills as they happened, divided by the makespan.
*Duplicates* are items computed to their end once more than they had to be; *lost* are those that a
kill interrupted.

Nobody is told what an item costs or how fast a machine is. The peers are given batches of 10 and of
100, and each has the better of the two; pcm is given no size of batches. They have an environment
of their own, and a system that cannot be installed or run is named with the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # Workers of the peers, who lack what these import, import this package.
    from evaluations.base import Target
    from evaluations.peers.plan import Plan


def evaluate(say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    from evaluations.peers.plan import FULL

    return _evaluate(say, FULL)


def quick(say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    """As little as shows that it works; its figures mean nothing. Installs nothing."""
    from evaluations.peers.plan import QUICK

    return _evaluate(say, QUICK)


def _evaluate(say: Callable[[str], None], plan: Plan) -> tuple[dict[str, Any], list[Target]]:
    from evaluations.peers.measuring import measure

    return measure(plan, say)
