"""Generated signals for the 28 conditions of the runbook, and how well its detectors tell them.

A small cluster is simulated mechanically: requests of the Azure traces arrive with their bursts,
wait, are read and decoded by single GPUs, tensor-parallel groups, pipelines, experts and pairs of
prefill and decode; what hosts, PCIe links and the fabric do follows from that, with the noise and
the gaps of real readings. A fault changes one physical cause, such as a rank's speed or a link's
loss, and all that follows from it follows here too. It was written without knowledge of the
detectors, from the catalogue of signals and the table of conditions. Seeds below 100 are for tuning
them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from evaluations.base import Target
from evaluations.runbook.simulation import clean, faulty
from evaluations.runbook.truth import CONDITIONS, INTENSITIES, Intensity, Truth

__all__ = [
    "CONDITIONS",
    "INTENSITIES",
    "Intensity",
    "Truth",
    "clean",
    "evaluate",
    "faulty",
    "quick",
]


def evaluate(say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    """All conditions on seeds that nothing was tuned to, a few minutes."""
    from evaluations.runbook.measuring import measure
    from evaluations.runbook.plan import FULL

    return measure(FULL, say)


def quick(say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    """One condition on a tuning seed."""
    from evaluations.runbook.measuring import measure
    from evaluations.runbook.plan import QUICK

    return measure(QUICK, say)
