"""Whether classes of glideins can come to anything, asked before anything is started:
``python -m condor.prospects``.

A program of its own, with a time limit, since HTCondor's bindings hold the interpreter for as long
as a daemon does not answer. Questions come in on standard input, answers go out on standard output.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence

import msgspec

from condor import expressions
from condor.collector import slots
from condor.faults import CondorError
from condor.glideins import Glideins
from condor.matching import Demand, Match, demand, match
from condor.schedd import Schedd
from pcm.errors import InputError
from workers.host.processes import search_path

LIMIT_SECONDS = 60.0
"""More than the bindings wait for one daemon."""
MATCH_MEND = (
    "ask for less; or, where such machines come when jobs wait for them, give check_match: false"
)
_VARIES = re.compile(
    r"\b(MY|State|Activity|\w*LoadAvg|\w*Idle|Memory|Cpus|Disk|GPUs|AvailableGPUs|Start|time"
    r"|CurrentTime|Clock\w*|EnteredCurrent\w+|Request\w+|RemoteUser|RemoteOwner|NumDynamicSlots)\b",
    re.IGNORECASE,
)
"""What a machine or a job has now and may not have later, in a user's ``requirements``."""


class Question(msgspec.Struct, frozen=True):
    """About a class."""

    name: str
    collector: str
    schedd: str
    demand: Demand
    lasting: Demand
    """Of the demand, what a machine that is lacking it now will always lack."""


class Prospect(msgspec.Struct, frozen=True):
    """The answer. ``match``: None if the pool did not answer, for which ``pool_problem`` is.

    ``hopeless``: the pool has machines, and none of them, busy ones too, will ever match.
    ``problem``: of the schedd, with the rest of a CondorError."""

    name: str
    match: Match | None = None
    hopeless: bool = False
    pool_problem: str = ""
    problem: str = ""
    mend: str = ""
    transient: bool = False


def check(classes: Sequence[Glideins], *, limit_seconds: float = LIMIT_SECONDS) -> list[str]:
    """Ask the schedds and the pools, and refuse what is hopeless. What was not to be learned, or
    may be mended by itself, is in the lines that come back.

    Raises InputError with what HTCondor said, or what the pool lacks.
    """
    for glideins in classes:
        expressions.check(glideins)
    questions = [question(glideins) for glideins in classes]
    prospects = _ask(questions, limit_seconds)
    if prospects is None:
        return ["HTCondor has not answered in time; glideins are tried nevertheless"]
    return judged(classes, prospects)


def question(glideins: Glideins) -> Question:
    wanted = lasting = demand(glideins)
    if _VARIES.search(glideins.requirements):
        machine = {key: text for key, text in wanted.machine.items() if key != "requirements"}
        lasting = msgspec.structs.replace(wanted, machine=machine)
    return Question(glideins.name, glideins.collector, glideins.schedd, wanted, lasting)


def judged(classes: Sequence[Glideins], prospects: Sequence[Prospect]) -> list[str]:
    """Lines for people. Raises InputError."""
    lines: dict[str, None] = {}
    for glideins, prospect in zip(classes, prospects, strict=True):
        field = f"glideins: class {prospect.name}"
        if prospect.problem and not prospect.transient:
            raise InputError(prospect.problem, field=field, mend=prospect.mend)
        if prospect.problem:
            lines[f"{prospect.problem}; {prospect.mend}"] = None
        if prospect.pool_problem:
            lines[prospect.pool_problem] = None
        if prospect.hopeless and prospect.match is not None:
            if glideins.check_match:
                raise InputError(prospect.match.text, field=field, mend=MATCH_MEND)
            lines[f"class {prospect.name}: {prospect.match.text}"] = None
    return list(lines)


def answer(questions: Sequence[Question]) -> list[Prospect]:
    """By the bindings."""
    schedds: dict[tuple[str, str], CondorError | None] = {}
    pools: dict[str, list[object] | CondorError] = {}
    found = []
    for one in questions:
        place = (one.collector, one.schedd)
        if place not in schedds:
            schedds[place] = _of_schedd(*place)
        if one.collector not in pools:
            pools[one.collector] = _of_pool(one.collector)
        found.append(_prospect(one, schedds[place], pools[one.collector]))
    return found


def _prospect(
    one: Question, trouble: CondorError | None, ads: list[object] | CondorError
) -> Prospect:
    prospect = Prospect(one.name)
    if trouble is not None:
        prospect = Prospect(
            one.name, problem=trouble.problem, mend=trouble.mend, transient=trouble.transient
        )
    if isinstance(ads, CondorError):
        return msgspec.structs.replace(prospect, pool_problem=str(ads))
    best = match(ads, one.demand)
    hopeless = best.total > 0 and not best.matching and not match(ads, one.lasting).matching
    return msgspec.structs.replace(prospect, match=best, hopeless=hopeless)


def _of_schedd(collector: str, name: str) -> CondorError | None:
    try:
        Schedd(collector, name).check()
    except CondorError as error:
        return error
    return None


def _of_pool(collector: str) -> list[object] | CondorError:
    try:
        return slots(collector)
    except CondorError as error:
        return error


def _ask(questions: Sequence[Question], limit_seconds: float) -> list[Prospect] | None:
    """None if there was no answer in time, or none that can be read."""
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "condor.prospects"],
            input=msgspec.json.encode(questions),
            stdout=subprocess.PIPE,
            check=True,
            timeout=limit_seconds,
            env=os.environ | {"PYTHONPATH": search_path()},
        )
        return msgspec.json.decode(done.stdout, type=list[Prospect])
    except (subprocess.SubprocessError, msgspec.MsgspecError):
        return None


def main() -> None:
    questions = msgspec.json.decode(sys.stdin.buffer.read(), type=list[Question])
    with os.fdopen(os.dup(1), "wb") as output:
        os.dup2(2, 1)  # What the bindings may print goes where errors go.
        output.write(msgspec.json.encode(answer(questions)))


if __name__ == "__main__":
    main()
