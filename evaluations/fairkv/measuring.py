"""All measurements, and what is expected of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from evaluations.base import Target
from evaluations.fairkv import decoding, planner
from evaluations.fairkv.plan import Plan


def measure(plan: Plan, say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    planned = planner.measure(plan, say)
    decoded, expected = decoding.measure(say, plan.decode_rounds)
    return {"planner": planned, "decoding": decoded}, [*planner.targets(planned), *expected]
