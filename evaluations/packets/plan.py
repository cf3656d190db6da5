"""How much is measured, fully or quickly."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """``runs`` of all faults; ``mitigations``: how often a late rank is replaced."""

    runs: int = 3
    mitigations: int = 3


FULL = Plan()
QUICK = Plan(runs=1, mitigations=0)
