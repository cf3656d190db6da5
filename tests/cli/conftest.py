"""A small project with a run file, and the command as its users start it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[2]

TASK = """\
import time
import pcm

@pcm.context
def constant(value=2, fail=False):
    if fail:
        raise LookupError("there are no weights")
    return value

@pcm.task
def product(factor, items, pause=0.0):
    for item in items:
        time.sleep(pause)
        yield ZeroDivisionError("no") if item["n"] == 13 else {"product": factor * item["n"]}
"""

RUN = """\
name: products
task: task.py:product
context:
  factory: task.py:constant
items:
  file: items.jsonl
  key: id
directory: out
"""


class Ended(NamedTuple):
    code: int
    stdout: str
    stderr: str

    @property
    def answer(self) -> dict[str, Any]:
        """The JSON object on the last line of stdout."""
        found: dict[str, Any] = json.loads(self.stdout.splitlines()[-1])
        return found


class Project:
    """A folder with ``run.yaml``, ``task.py`` and ``items.jsonl``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "task.py").write_text(TASK)
        self.write(RUN)
        self.items(10)

    def write(self, text: str) -> None:
        (self.folder / "run.yaml").write_text(text)

    def replace(self, old: str, new: str) -> None:
        assert old in RUN
        self.write(RUN.replace(old, new))

    def items(self, count: int, *, first: int = 0) -> None:
        """Number 13 fails."""
        lines = [json.dumps({"id": f"i{n}", "n": n}) for n in range(first, first + count)]
        (self.folder / "items.jsonl").write_text("\n".join(lines) + "\n")

    def rows(self, path: str = "out/results.jsonl") -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / path).read_text().splitlines()]

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "pcm.cli", *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def pcm(self, *arguments: str, timeout: float = 90.0) -> Ended:
        return ended(self.start(*arguments), timeout)


def ended(process: subprocess.Popen[str], timeout: float = 90.0) -> Ended:
    try:
        stdout, stderr = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        raise AssertionError(process.communicate()) from None
    return Ended(process.returncode, stdout, stderr)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)
