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
    check(name, programs=programs, packages=packages)
    found: tuple[dict[str, Any], list[Target]]
    found = import_module(f"evaluations.{name}.measuring").measure(plan, say)
    return found


def check(name: str, *, programs: Sequence[str] = (), packages: Sequence[str] = ()) -> None:
    """Exits likewise."""
    if problem := taskvine_problem() or _problem(programs, packages):
        raise SystemExit(
            f"{name}: {problem}\nrun it in the cluster root, which `make cluster` builds:"
            f"\n    tests/cluster/enter python -m evaluations {name} --json"
        )


def taskvine_problem() -> str:
    """Why TaskVine cannot be used by this Python; empty if it can."""
    from pcm import EngineError
    from pcm.engines.taskvine.requirements import check_machine

    try:
        check_machine()
    except EngineError as error:
        return str(error)
    return ""


def _problem(programs: Sequence[str], packages: Sequence[str]) -> str:
    if lacking := [program for program in programs if shutil.which(program) is None]:
        return f"there is no {' and no '.join(lacking)} on PATH"
    if packages:
        return f"this Python lacks what `pip install {' '.join(packages)}` brings"
    return ""
