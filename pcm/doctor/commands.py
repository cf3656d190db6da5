"""Commands of the examination, with a time limit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import NamedTuple


class Answer(NamedTuple):
    """What a command said; ``code`` is None if it did not end in time."""

    code: int | None
    stdout: str
    stderr: str

    @property
    def last_line(self) -> str:
        """The last line of what went wrong."""
        lines = (self.stderr.strip() or self.stdout.strip()).splitlines()
        silent = "it said nothing" if self.code is None else f"exit code {self.code}"
        return lines[-1] if lines else silent


def python(*arguments: str, timeout_seconds: float) -> Answer:
    """Run this Python with the arguments; past its time it is killed with all its children."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        stdout, stderr = process.communicate(timeout=timeout_seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        stdout, stderr = process.communicate()
        return Answer(None, stdout, stderr)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    return Answer(process.returncode, stdout, stderr)


def importable(module: str, *, timeout_seconds: float = 60.0) -> Answer:
    """Import a module in a process of its own."""
    return python("-c", f"import {module}", timeout_seconds=timeout_seconds)
