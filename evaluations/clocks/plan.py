"""How long is measured, with which clocks and events."""

from __future__ import annotations

from dataclasses import dataclass

END = b"end"
"""What the process with the events sends last."""


@dataclass(frozen=True)
class Plan:
    exchange_seconds: float = 60.0
    checks_per_second: float = 20.0
    """How often what is told is compared with what is."""
    events_seconds: float = 60.0
    events_per_second: float = 20.0
    lost_share: float = 0.1
    """Of the events, that the other side does not see; and as many that only it sees."""
    jitter_seconds: float = 0.3e-3
    """Standard deviation of what is added to the times at which it sees them."""
    offset_seconds: float = 5.0
    drift: float = 50e-6


FULL = Plan()
QUICK = Plan(exchange_seconds=2.0, events_seconds=2.0, events_per_second=200.0)
