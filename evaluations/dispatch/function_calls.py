"""TaskVine's own ``FunctionCall``, to be measured beside pcm: a program of its own.

``function_calls.py --mode direct|fork --workers N --directory DIR`` starts TaskVine's manager and
so many ``vine_worker`` of one core, and makes the calls that it is asked for: a line of JSON in, a
line out. ``{"trips": N}`` makes one call after the other and gives the seconds of each; ``{"calls":
N, "in_flight": K}`` makes so many, K at a time, and gives the seconds until the last is back. It
ends when its input does.

It is as TaskVine's manual has it: library, calls and settings are TaskVine's own, and results are
read. The environment is not packed (``add_env=False``): it is the workers' already.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

with warnings.catch_warnings(action="ignore"):  # It warns that Dask is not installed.
    from ndcctools import taskvine

LIBRARY = "calls"
PATIENCE_SECONDS = 60
WARMING_CALLS = 50
"""For each worker."""


def echo(item: Any) -> Any:
    """Give it back."""
    return item


class Caller:
    """A manager and its workers."""

    def __init__(self, mode: str, workers: int, directory: Path) -> None:
        password = directory / "password"
        password.touch(mode=0o600)
        password.write_text(secrets.token_hex(32))
        self._manager = taskvine.Manager(
            port=0, run_info_path=str(directory), run_info_template="run"
        )
        self._manager.set_password_file(str(password))
        library = self._manager.create_library_from_functions(
            LIBRARY, echo, add_env=False, exec_mode=mode
        )
        library.set_cores(1)  # Without cores it would never start.
        self._manager.install_library(library)
        self._workers = [
            self._start_worker(directory / f"worker-{number}", password)
            for number in range(workers)
        ]
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self._manager.stats.workers_connected < workers:
            if time.monotonic() > deadline:
                raise TimeoutError(f"only {self._manager.stats.workers_connected} workers came")
            self._manager.wait(1)
        self.calls(WARMING_CALLS * workers, 2 * workers)

    def _start_worker(self, workspace: Path, password: Path) -> subprocess.Popen[bytes]:
        command = ["vine_worker", "--single-shot", "--cores", "1", "--gpus", "0"]
        command += ["--workspace", str(workspace), "--password", str(password)]
        command += ["127.0.0.1", str(self._manager.port)]
        path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
        return subprocess.Popen(
            command,
            env=os.environ | {"PATH": path},  # The library's command is `python ...`.
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def trips(self, count: int) -> list[float]:
        """Seconds of so many calls, one after the other."""
        seconds = []
        for item in range(count):
            started = time.perf_counter()
            self._submit(item)
            self._await_one()
            seconds.append(time.perf_counter() - started)
        return seconds

    def calls(self, count: int, in_flight: int) -> float:
        """Seconds for so many calls."""
        started = time.perf_counter()
        for item in range(min(in_flight, count)):
            self._submit(item)
        for item in range(in_flight, in_flight + count):
            self._await_one()
            if item < count:
                self._submit(item)
        return time.perf_counter() - started

    def _submit(self, item: int) -> None:
        call = taskvine.FunctionCall(LIBRARY, "echo", item)
        call.set_tag(str(item))
        self._manager.submit(call)

    def _await_one(self) -> None:
        done = self._manager.wait(PATIENCE_SECONDS)
        if done is None:
            raise TimeoutError(f"a call did not come back in {PATIENCE_SECONDS} s")
        if not done.successful() or str(done.output) != done.tag:
            raise RuntimeError(f"call {done.tag}: {done.result}, {done.output!r}")

    def close(self) -> None:
        for worker in self._workers:
            os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--mode", choices=["direct", "fork"], required=True)
    parser.add_argument("--workers", type=int, required=True)
    parser.add_argument("--directory", type=Path, required=True)
    options = parser.parse_args()
    # TaskVine prints: its words are for people, standard output is for answers.
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)
        caller = Caller(options.mode, options.workers, options.directory)
        try:
            print(json.dumps({"version": taskvine.cvine.vine_version_string()}), file=answers)
            answers.flush()
            for line in sys.stdin:
                asked = json.loads(line)
                if "trips" in asked:
                    seconds: list[float] | float = caller.trips(asked["trips"])
                else:
                    seconds = caller.calls(asked["calls"], asked["in_flight"])
                print(json.dumps({"seconds": seconds}), file=answers, flush=True)
        finally:
            caller.close()


if __name__ == "__main__":
    main()
