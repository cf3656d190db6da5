"""What it costs to change between contexts of which a worker has room for one.

Copies of a model of 135 million parameters with seeded weights are contexts on one real worker, and
take turns: one leaves, the next comes and answers a question. It leaves in one of three ways: to
host memory, from where it comes back in its own process (tier host); altogether, so that it is
loaded again from files in the page cache; and altogether, with its files out of the page cache. The
worker is driven through the local engine with the scheduler's commands, not by the scheduler, so
that the same turns are taken each way. A swap is the time until the answer, less the time of the
same answer once more. Where there is no accelerator, the tier host means: weights that are mapped
as they are stored leave the process for the page cache, others stay.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from evaluations.base import Target
from evaluations.residency.measuring import measure
from evaluations.residency.plan import FULL, QUICK


def evaluate(say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    """All of it, a few minutes."""
    return measure(FULL, say)


def quick(say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    """One round of two contexts with a tiny model."""
    return measure(QUICK, say)
