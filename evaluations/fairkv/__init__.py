"""Heads dealt to ranks by what they keep: what plans promise, and what decoding makes of them.

The planner is measured on what heads of several models would keep (``profiles.py``): how evenly
the equal split, assignment alone, and assignment with copies load 2, 4 and 8 ranks, how far that is
from the best there is, what cuts between the rows of small batches cost, and how long planning
takes. Decoding is measured on real ranks of this machine, by turns with the equal split.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from evaluations.base import Target
from evaluations.fairkv.plan import FULL, QUICK, Plan


def evaluate(say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    """All of it, some minutes."""
    return _measured(FULL, say)


def quick(say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    """As little as shows that it works; its figures mean little."""
    return _measured(QUICK, say)


def _measured(plan: Plan, say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    """The program of a rank is of this package, too, and needs nothing of it."""
    from evaluations.fairkv.measuring import measure

    return measure(plan, say)
