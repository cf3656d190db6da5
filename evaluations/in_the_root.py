"""Evaluations that need TaskVine and HTCondor, which the cluster root has."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from evaluations.base import Target


def measured(
    name: str,
    plan: object,
    say: Callable[[str], None],
    *,
    programs: Sequence[str] = (),
    packages: Sequence[str] = (),
) -> tuple[dict[str, Any], list[Target]]:
    """What ``evaluations.NAME.measuring`` measures by the plan.

    Exits where TaskVine or one of the programs is missing, or there are packages that this Python
    lacks, and says how to run it.
    """
    if problem := _problem(programs, packages):
        raise SystemExit(
            f"{name}: {problem}\nrun it in the cluster root, which `make cluster` builds:"
            f"\n    tests/cluster/enter python -m evaluations {name} --json"
        )
    found: tuple[dict[str, Any], list[Target]]
    found = import_module(f"evaluations.{name}.measuring").measure(plan, say)
    return found


def _problem(programs: Sequence[str], packages: Sequence[str]) -> str:
    from pcm import EngineError
    from pcm.engines.taskvine.requirements import check_machine

    try:
        check_machine()
    except EngineError as error:
        return str(error)
    if lacking := [program for program in programs if shutil.which(program) is None]:
        return f"there is no {' and no '.join(lacking)} on PATH"
    if packages:
        return f"this Python lacks what `pip install {' '.join(packages)}` brings"
    return ""
