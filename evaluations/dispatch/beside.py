"""TaskVine's own function calls, made by a program beside this one (``function_calls.py``)."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

Mode = Literal["direct", "fork"]

PROGRAM = Path(__file__).with_name("function_calls.py")
NEEDED = {"conda_pack": "conda-pack", "threadpoolctl": "threadpoolctl"}
"""What TaskVine's ``create_library_from_functions`` imports, and the packages that bring it."""
IN_FLIGHT = 2
"""Calls per worker, as the engine has them: one runs, and the next is there when it ends."""
END_SECONDS = 20.0


def missing() -> list[str]:
    """Packages that TaskVine's own libraries need and this Python lacks."""
    return [NEEDED[name] for name in NEEDED if importlib.util.find_spec(name) is None]


class FunctionCalls:
    """A running program, with its workers warm, until ``close``."""

    def __init__(self, mode: Mode, workers: int, directory: Path) -> None:
        """``directory`` is its own, and empty. Raises RuntimeError if it does not start."""
        self._workers = workers
        self._log = directory / "log"
        command = [sys.executable, str(PROGRAM), "--mode", mode]
        command += ["--workers", str(workers), "--directory", str(directory)]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )
        try:
            self.version: str = self._answer()["version"]
        except BaseException:
            self.close()
            raise

    def round_trips(self, count: int) -> list[float]:
        """Seconds of so many calls, one after the other."""
        seconds: list[float] = self._ask(trips=count)
        return seconds

    def per_second(self, count: int) -> float:
        """Calls per second, of so many, with ``IN_FLIGHT`` for every worker."""
        return count / float(self._ask(calls=count, in_flight=IN_FLIGHT * self._workers))

    def per_second_queued(self, count: int) -> float:
        """The same where all are submitted at once, and TaskVine has them wait."""
        return count / float(self._ask(calls=count, in_flight=count))

    def _ask(self, **what: int) -> Any:
        assert self._process.stdin is not None
        print(json.dumps(what), file=self._process.stdin, flush=True)
        return self._answer()["seconds"]

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            words = self._log.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{PROGRAM.name} ended:\n{words}")
        return json.loads(line)

    def close(self) -> None:
        with self._process as process:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
