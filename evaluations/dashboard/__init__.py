"""What the dashboard costs and how fast it is, on a run of 1,000 workers and 100,000 batches.

The run is a simulated one, written into a journal as a manager writes it; its second half is played
into another journal in real time, as if a manager were at work, and looked at by nobody, by one and
by ten viewers: each takes the stream and asks for a part of the timeline every second, as the page
does. CPU and memory are those of the dashboard's process, since managers do nothing for viewers.
The delay of an event is from the time at which it was logged until a viewer has a state that it is
in, and until the page shows it where there is a Chromium, which also shows how many frames per
second the timeline makes while it is moved. The log itself is what dashboards cost a run that
nobody looks at: the same work with and without it, in turn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from evaluations.base import Target
from evaluations.dashboard.plan import FULL, QUICK, Plan


def evaluate(say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    """All of it, some minutes."""
    return _measured(FULL, say)


def quick(say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    """As little as shows that it works; its figures mean nothing."""
    return _measured(QUICK, say)


def _measured(plan: Plan, say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    """The programs beside it are of this package, too, and need nothing of it."""
    from evaluations.dashboard.measuring import measure

    return measure(plan, say)
