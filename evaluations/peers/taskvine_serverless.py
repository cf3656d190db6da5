"""TaskVine: function calls on a library that loads its context once, as its manual has it.

A program of its own, by TaskVine's Python. All calls are submitted at once, and TaskVine sends them
to libraries, one to each worker; the library runs one call at a time, in its own process.
"""

from __future__ import annotations

import secrets
import subprocess
import sys
import warnings
from typing import Any

with warnings.catch_warnings(action="ignore"):  # It warns that Dask is not installed.
    from ndcctools import taskvine

from evaluations.peers.sitting import Sitting, sit

LIBRARY = "machines"
LOOK_SECONDS = 1


def load(directory: str, workload: str) -> dict[str, Any]:
    """What the library has loaded, by name."""
    from evaluations.peers.machines import Machine

    return {"machine": Machine(directory, workload)}


def compute(items: list[int]) -> list[tuple[int, int]]:
    """In the library."""
    from ndcctools.taskvine.utils import load_variable_from_library

    return list(load_variable_from_library("machine").compute(items))


def work(sitting: Sitting) -> None:
    sitting.versions["taskvine"] = taskvine.cvine.vine_version_string()
    password = sitting.directory / "password"
    password.touch(mode=0o600)
    password.write_text(secrets.token_hex(32))
    manager = taskvine.Manager(
        port=0, run_info_path=str(sitting.directory), run_info_template="run"
    )
    manager.set_password_file(str(password))
    library = manager.create_library_from_functions(
        LIBRARY,
        compute,
        add_env=False,
        exec_mode="direct",
        library_context_info=[load, sitting.machine, {}],
    )
    library.set_cores(1)  # Without cores it would never start.
    library.set_function_slots(1)
    manager.install_library(library)
    crew = _start_workers(sitting, manager.port, str(password))

    for batch in sitting.workload.batches(sitting.batch):
        manager.submit(taskvine.FunctionCall(LIBRARY, "compute", batch))
    sitting.await_up(lambda: manager.wait(LOOK_SECONDS))  # It does nothing unless it is waited for.
    sitting.begin(below=[crew.pid])
    while not sitting.is_complete:
        done = manager.wait(LOOK_SECONDS)
        if done is not None and done.successful():
            sitting.take(done.output)
        elif done is not None:
            manager.submit(done)


def _start_workers(sitting: Sitting, port: int, password: str) -> subprocess.Popen[bytes]:
    """Replaced as soon as they end."""
    command = [sys.executable, "-m", "evaluations.peers.crew", str(len(sitting.workload.speeds))]
    command += ["vine_worker", "--single-shot", "--cores", "1", "--gpus", "0"]
    command += ["--password", password, "127.0.0.1", str(port)]
    return subprocess.Popen(command, stdin=subprocess.PIPE)


if __name__ == "__main__":
    sit(work)
