"""Real packets and real faults: what the runbook finds of them, and what a mitigation gains.

Network namespaces are joined by a bridge in which the observer of ``workers/telemetry/observer``
sits. Over it go the worker protocol, between this side and real supervisors; sessions of requests;
transfers; and a decode that two ranks share, with the all-reduces of gloo. Links become slow or
lossy, receivers slow, ranks late or silent, queues congested, and neighbours take the core. What is
found is compared with what was done. Everything runs in namespaces that vanish with it, as root.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from evaluations.base import Target
from evaluations.packets.measuring import measure
from evaluations.packets.namespaces import CannotStage
from evaluations.packets.plan import FULL, QUICK, Plan


def evaluate(say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    """All faults three times, and the mitigation of a late rank: some ten minutes."""
    return _measured(FULL, say)


def quick(say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    """All faults once."""
    return _measured(QUICK, say)


def _measured(plan: Plan, say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    try:
        return measure(plan, say)
    except CannotStage as reason:
        raise SystemExit(f"packets: {reason}: needs root on Linux, with iproute2 and TUN") from None
