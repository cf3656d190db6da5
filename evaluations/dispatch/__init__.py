"""What it costs to send a batch through TaskVine, beside TaskVine's own function calls.

Round trips and rates are measured in rounds, one way after the other, all on pools of the same size
that stay warm through the whole evaluation: our engine alone, TaskVine's ``FunctionCall`` in direct
and in fork mode, and a whole manager. All workers have one core.

engine: orders in, events out, as the manager's loop drives it; a worker has two batches at a time,
as the core keeps it. This is what compares with TaskVine's own calls: transport and nothing else.
manager: ``Manager.map`` with batches of one item; besides the transport it decides where every
batch goes, and has every result on disk before it counts.
taskvine_direct, taskvine_fork: two calls for every worker at a time, as the engine has them; the
library runs one. taskvine_direct_queued: all submitted at once. The faster of both is what the
engine is held against. Now and then a call of TaskVine's own takes five seconds, when its worker
misses the signal that the answer is there (see ``workers/library/pipes.py``): that is left in its
figures, where it shows as a round of a few hundred calls per second less.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from evaluations.base import Target
from evaluations.dispatch.beside import missing
from evaluations.dispatch.plan import FULL, QUICK
from evaluations.in_the_root import measured


def evaluate(say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    return measured("dispatch", FULL, say, packages=missing())


def quick(say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    """As little as shows that it works; its figures mean nothing."""
    return measured("dispatch", QUICK, say, packages=missing())
