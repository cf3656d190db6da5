"""Both ways of telling a clock, and what was expected of them."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

from evaluations.base import Target, at_least, at_most
from evaluations.clocks.exchanging import exchange
from evaluations.clocks.plan import Plan
from evaluations.clocks.seeing import see

GOAL_MILLISECONDS = 1.0


def measure(plan: Plan, say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    say(f"exchanges with an agent, {plan.exchange_seconds:g} s")
    exchanged = exchange(plan)
    say(f"events that two processes see, {plan.events_seconds:g} s")
    seen = see(plan)
    seen_off = seen["off_milliseconds"]
    targets = [
        at_most(
            "clocks told by exchanges are off, milliseconds, at worst",
            exchanged["off_milliseconds"]["max"],
            GOAL_MILLISECONDS,
        ),
        at_least(
            "share of times within the error that was stated",
            exchanged["within_stated_share"],
            1.0,
        ),
        at_most(
            "clocks told by matched events are off, milliseconds, at worst",
            inf if seen_off is None else seen_off,
            GOAL_MILLISECONDS,
        ),
    ]
    return {"exchanges": exchanged, "matched_events": seen}, targets
