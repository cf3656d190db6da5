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
from evaluations.dispatch.plan import FULL, QUICK, Plan


def evaluate(say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    return _evaluate(say, FULL)


def quick(say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    """As little as shows that it works; its figures mean nothing."""
    return _evaluate(say, QUICK)


def _evaluate(say: Callable[[str], None], plan: Plan) -> tuple[dict[str, Any], list[Target]]:
    _check()
    from evaluations.dispatch.measuring import measure

    return measure(plan, say)


def _check() -> None:
    """Exits where something is missing, and says how to run it."""
    from evaluations.dispatch import beside
    from pcm import EngineError
    from pcm.engines.taskvine.requirements import check_machine

    again = "python -m evaluations dispatch --json"
    try:
        check_machine()
    except EngineError as error:
        raise SystemExit(
            f"dispatch: {error}\nor run it in the cluster root, which `make cluster` builds:"
            f"\n    tests/cluster/enter {again}"
        ) from None
    if packages := beside.missing():
        names = " ".join(packages)
        raise SystemExit(
            f"dispatch: TaskVine's own libraries need `pip install {names}` in this Python"
            " (in the cluster root: `make cluster` again)"
        )
