"""The systems that are compared: which program runs each, by which Python, and who is absent."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import Literal, NamedTuple

from evaluations.in_the_root import taskvine_problem
from evaluations.peers.environment import Environment
from evaluations.peers.sitting import PATIENCE_SECONDS, ROOT, Outcome
from evaluations.peers.workload import Workload

CLUSTER_ROOT = ROOT / ".cluster" / "root"
ENTER = ROOT / "tests" / "cluster" / "enter"
SLACK_SECONDS = 60.0
"""For what is neither coming up nor computing."""


class System(NamedTuple):
    """``program``: a module of this package, and its arguments."""

    program: tuple[str, ...]
    place: Literal["peers", "taskvine", "here"]
    """By which Python: that of the peers, the one that has TaskVine, this one."""
    package: str = ""
    """Of the peers' environment."""
    sized: bool = True
    """Whether it is told a size of batches."""


SYSTEMS: Mapping[str, System] = {
    "ray_actor_pool": System(("ray_actors",), "peers", "ray"),
    "ray_data": System(("ray_data",), "peers", "ray"),
    "dask": System(("dask_futures",), "peers", "distributed"),
    "parsl_htex": System(("parsl_htex",), "peers", "parsl"),
    "taskvine_serverless": System(("taskvine_serverless",), "taskvine"),
    "pcm_local": System(("pcm_run", "local"), "here", sized=False),
    "pcm_taskvine": System(("pcm_run", "taskvine"), "taskvine", sized=False),
}


class RunError(Exception):
    """A program that gave no answer; says what its last words were."""


def absent(lacking: Mapping[str, str]) -> dict[str, str]:
    """Of the systems that cannot run here the reason; ``lacking``: of packages of the peers."""
    reasons = {}
    taskvine = _why_no_taskvine()
    for name, system in SYSTEMS.items():
        if system.place == "peers" and (packages := {system.package, "psutil"} & lacking.keys()):
            reasons[name] = lacking[min(packages)]
        if system.place == "taskvine" and taskvine:
            reasons[name] = taskvine
    return reasons


def run(system: System, workload: Workload, batch: int, environment: Environment) -> Outcome:
    """One run. Raises RunError if its program fails."""
    program, *arguments = system.program
    command = [*_python(system.place, environment), "-m", f"evaluations.peers.{program}"]
    command += [*arguments, "--workload", workload.dump(), "--batch", str(batch)]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    limit = PATIENCE_SECONDS + workload.limit_seconds + SLACK_SECONDS
    try:
        said, errors = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        raise RunError(f"no answer within {limit:g} s") from None
    finally:
        _end(process)
    lines = said.splitlines()
    if process.returncode or not lines:
        raise RunError(f"exit status {process.returncode}: {errors.strip()[-1000:]}")
    fields = json.loads(lines[-1])
    return Outcome(**fields | {"kills": tuple((kill[0], kill[1]) for kill in fields["kills"])})


def _python(place: str, environment: Environment) -> list[str]:
    if place == "peers":
        return [environment.python]
    if place == "here" or not taskvine_problem():
        return [sys.executable]
    return [str(ENTER), "python"]


def _why_no_taskvine() -> str:
    problem = taskvine_problem()
    if not problem or (CLUSTER_ROOT.is_dir() and os.geteuid() == 0):
        return ""
    return f"{problem} (nor can the cluster root be entered: `make cluster`, as root)"


def _end(process: subprocess.Popen[str]) -> None:
    """With what it started; a program that gave its answer has ended all that itself."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
