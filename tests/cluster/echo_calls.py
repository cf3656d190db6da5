"""Run calls of `echo_library.py` through a TaskVine manager and one worker; print what was seen.

Prints one JSON object: `answer`, what a call returned; `reason`, why a failing call failed; and the
round trips of empty calls on the warm library, `p50_seconds` and `p95_seconds`.
"""

from __future__ import annotations

import contextlib
import gc
import json
import subprocess
import tempfile
import time
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.cluster.echo_library import LIBRARY

with warnings.catch_warnings(action="ignore"):  # it warns that Dask is not installed
    import ndcctools.taskvine as vine

PROGRAM = Path(__file__).with_name("echo_library.py")


@contextlib.contextmanager
def pool(folder: Path, *, slots: int = 1, cores: int = 1) -> Iterator[vine.Manager]:
    """A manager with the echo library installed and one worker, both gone at the end."""
    # Two managers made in the same second share the default run folder, and the first to end
    # deletes the other's files.
    runs = {"run_info_path": str(folder), "run_info_template": uuid.uuid4().hex}
    secret = folder / "password"
    secret.write_text(uuid.uuid4().hex)
    manager = vine.Manager(port=0, **runs)
    manager.set_password_file(str(secret))
    # `exec`, or a shell stands between the worker and the library: see echo_library.lead_group.
    library = vine.LibraryTask(f"exec python3 {PROGRAM.name}", LIBRARY)
    library.add_input(manager.declare_file(str(PROGRAM), cache="worker"), PROGRAM.name)
    library.set_function_slots(slots)
    library.set_cores(cores)
    manager.install_library(library)
    command = ["vine_worker", "--single-shot", "--cores", str(cores), "--password", str(secret)]
    with (folder / "worker.log").open("w") as log:
        worker = subprocess.Popen(
            [*command, "localhost", str(manager.port)], stdout=log, stderr=log
        )
    try:
        yield manager
    finally:
        worker.terminate()
        worker.wait()


def submit(manager: vine.Manager, function: str, *arguments: Any) -> vine.FunctionCall:
    call = vine.FunctionCall(LIBRARY, function, *arguments)
    manager.submit(call)
    return call


def finish(manager: vine.Manager, seconds: float = 60) -> vine.FunctionCall:
    """The next call that ends. Raises TimeoutError; the manager works only inside `wait`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if call := manager.wait(1):
            return call
    raise TimeoutError(f"no call ended within {seconds} s")


def round_trips(manager: vine.Manager, count: int) -> list[float]:
    """Seconds of `count` empty calls, one after another, in increasing order."""
    seconds = []
    for _ in range(count):
        started = time.perf_counter()
        submit(manager, "echo", None)
        finish(manager)
        seconds.append(time.perf_counter() - started)
    return sorted(seconds)


def observe(folder: Path) -> dict[str, Any]:
    with pool(folder) as manager:
        submit(manager, "echo", ["a", 1])
        answer = finish(manager).output
        submit(manager, "fail", "on purpose")
        reason = finish(manager).output
        seconds = round_trips(manager, 200)
    return {
        "answer": answer,
        "reason": reason,
        "p50_seconds": seconds[len(seconds) // 2],
        "p95_seconds": seconds[len(seconds) * 95 // 100],
    }


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(observe(Path(folder))))
        # The manager writes a last log as it is freed, and a FunctionCall, which refers to itself,
        # keeps it until then.
        gc.collect()


if __name__ == "__main__":
    main()
