"""What glideins need: the bindings and the tools of HTCondor, a schedd, the right to submit,
credentials that hold, and a way back from the nodes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from pcm.doctor.base import Check, Section
from pcm.doctor.commands import importable, python
from pcm.doctor.taskvine import program
from pcm.durations import counted, duration

POOL_SECONDS = 60.0
PING_SECONDS = 30.0
TOOLS = "go to a submit host of your pool; to try a pool of your own: apt install minicondor"
_ASK = "see `condor_ping -verbose WRITE`, and ask who runs the pool"


def htcondor() -> Section:
    """Needed to get workers from a pool; not for runs on this machine.

    What the pool says is asked only where the module is there, which is all that pcm needs.
    """
    module, tools = _module(), program("condor_submit", TOOLS)
    checks = [module, tools]
    if module.state == "ok":
        checks += _pool()
        if checks[-2].state == "ok":
            checks.append(_submitting(os.geteuid()))
        checks.append(_tokens())
        checks.append(_reaching())
    return Section("HTCondor pool", checks)


def _module() -> Check:
    mend = "pip install htcondor"
    answer = importable("htcondor2")
    if answer.code == 0:
        return Check("htcondor2", "ok")
    if "No module named 'htcondor2'" in answer.last_line:
        return Check("htcondor2", "missing", "not installed for this Python", mend)
    return Check("htcondor2", "broken", answer.last_line, mend)


def _pool() -> list[Check]:
    """The schedd, and the GPUs that the pool shows."""
    answer = python("-m", "pcm.doctor.condor_pool", timeout_seconds=POOL_SECONDS)
    try:
        found = json.loads(answer.stdout.splitlines()[-1])
        return [schedd_found(found["schedd"]), gpus_found(found["gpus"])]
    except (LookupError, ValueError):
        problem = answer.last_line if answer.code is not None else "does not answer in time"
        unknown = Check("GPUs", "missing", "not known", TOOLS)
        return [Check("schedd", "broken", problem, TOOLS), unknown]


def schedd_found(said: dict[str, Any]) -> Check:
    """From ``pcm.doctor.condor_pool``."""
    if "problem" in said:
        return Check("schedd", "missing", said["problem"], said["mend"] or TOOLS)
    return Check("schedd", "ok", f"answers; {counted(said['glideins'], 'glidein')} in its queue")


def gpus_found(said: dict[str, Any]) -> Check:
    """From ``pcm.doctor.condor_pool``. A pool without GPUs may still be what is wanted."""
    if "problem" in said:
        return Check("GPUs", "missing", f"not known: {said['problem']}", said["mend"] or TOOLS)
    models = [f"{number} {model}" for model, number in said["models"].items()]
    if not models:
        return Check("GPUs", "note", "the pool shows none now")
    return Check("GPUs", "ok", ", ".join(models))


def _submitting(user: int) -> Check:
    if user == 0:
        mend = "work as an ordinary user"
        return Check("submitting", "broken", "HTCondor takes no jobs of root", mend)
    ping = shutil.which("condor_ping")
    if ping is None:
        return Check("submitting", "note", "not tried: condor_ping is not on PATH")
    code, said = _ping(ping, "-type", "schedd", "WRITE")
    if code:
        said = _ping(ping, "-verbose", "-type", "schedd", "WRITE")[1]
    return ping_found(code, said)


def _ping(*command: str) -> tuple[int, str]:
    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=PING_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return 1, str(error)
    return answer.returncode, answer.stdout + answer.stderr


def ping_found(code: int, said: str) -> Check:
    """From what ``condor_ping`` gave: whether this user may submit."""
    from condor.faults import translated

    lines = [" ".join(line.split()) for line in said.splitlines() if line.strip()]
    if code == 0 and "succeeded" in said:
        return Check("submitting", "ok", lines[-1])
    reasons = [line for line in lines if "WRITE failed" not in line] or lines
    error = translated("; ".join(reasons) or f"exit code {code}", "asking to submit")
    return Check("submitting", "broken", error.problem, error.mend or _ASK)


def _tokens() -> Check:
    from condor import credentials

    return tokens_found(credentials.directory(), time.time())


def tokens_found(folder: Path, now: float) -> Check:
    """This user's tokens; not every pool wants any. ``now``: unix seconds."""
    from condor import credentials

    present = credentials.tokens(folder)
    if not present:
        return Check("tokens", "note", f"none in {folder}; the pool may not want any")
    if expired := credentials.expired(folder, now):
        return Check("tokens", "note", expired)
    left = credentials.seconds_left(present, now)
    end = "" if left is None else f"; the last ends in {duration(left)}"
    return Check("tokens", "ok", counted(len(present), "token") + end)


def _reaching() -> Check:
    from pcm.doctor.reaching import reach, reach_found  # It is a program as well.

    answer = python("-m", "pcm.doctor.reaching", timeout_seconds=POOL_SECONDS)
    try:
        known = json.loads(answer.stdout.splitlines()[-1])
    except (LookupError, ValueError):
        known = {}
    return reach_found(reach(known))
