"""A real run on TaskVine by a script, beside what the simulator says of the same script.

Forty emulated workers of four speeds join from outside, and some of them go again, half of these by
SIGKILL of all their processes, half by SIGTERM, as ``script`` says; loads and items sleep, so that
the machine's few cores are no limit, and seconds stand for minutes. The simulator is asked twice:
*before*, of the script alone, and by *replay* of the run's log, with the moments and speeds that
really were (``pcm report --replay``). Efficiency is the clairvoyant bound over the makespan, live
by pcm's own report of the run.

late: how much later than in the script workers joined, as they do where other programs are busy.
The live bound is that of the workers as they came, so lateness is not held against the scheduler;
``live_over_predicted`` has it in it. twice: rows that are more than once in the results; second
results of the same item that were thrown away are ``duplicates``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from evaluations.base import Target
from evaluations.in_the_root import measured
from evaluations.trace.script import FULL, QUICK


def evaluate(say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    return measured("trace", FULL, say)


def quick(say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    """As little as shows that it works."""
    return measured("trace", QUICK, say)
