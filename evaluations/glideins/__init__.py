"""What provisioning by pcm is worth, beside a fixed number of glideins and beside vine_factory.

A real HTCondor pool with eight simulated GPUs of three models serves three managers in turn, each
with a provisioner of its own: ``pcm`` asks for as many glideins as repay their cold start, 0 to 8;
``fixed`` keeps 8 from beginning to end; ``factory`` is TaskVine's ``vine_factory -T condor``, which
is shown all that waits, as if every item were a task in its manager's queue. Everything else is the
same: manager, worker, work, and the machines' owners, who take GPUs back by RANK for a while.

Time is dilated: loads and items sleep, and one second here stands for ``dilation_factor`` seconds
of a real pool. The waits by which pcm decides and those of vine_factory are shortened as much; what
HTCondor and the start of a worker take here is what it is.

A *sitting* is one manager: a run under the owners' schedule whose last items are long, an idle gap,
then a run of fewer items than there are GPUs. *Held* are the GPU seconds between a job's start and
its end; *unused* those of them in which no item was computed that counted. The *bound* is
the time before which nobody who had known the owners' schedule could have finished a run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from evaluations.base import Target
from evaluations.glideins.plan import FULL, QUICK
from evaluations.in_the_root import measured

PROGRAMS = ("condor_master", "vine_factory")


def evaluate(say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    return measured("glideins", FULL, say, programs=PROGRAMS)


def quick(say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    """As little as shows that it works; its figures mean nothing."""
    return measured("glideins", QUICK, say, programs=PROGRAMS)
