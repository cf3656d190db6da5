"""``python -m evaluations NAME``, as its users start it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
NOTHING_HERE = {"PATH": ""}
"""An environment without any program."""


def quick(name: str, timeout_seconds: float | None = None) -> dict[str, Any]:
    """What it prints when it measures as little as shows that it works."""
    done = _run(name, "--quick", timeout_seconds=timeout_seconds)
    assert done.returncode == 0, done.stderr
    printed: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert printed["name"] == name
    return printed


def assert_refuses_without_taskvine(name: str) -> None:
    """It says what is missing and where to run it."""
    done = _run(name, environment=NOTHING_HERE)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "ndcctools" in done.stderr
    assert f"tests/cluster/enter python -m evaluations {name} --json" in done.stderr
    assert "Traceback" not in done.stderr


def assert_complete(targets: list[dict[str, Any]], count: int) -> None:
    """Every expectation is there once, with its verdict."""
    whats = [target["what"] for target in targets]
    assert len(whats) == len(set(whats)) == count
    assert all(isinstance(target["met"], bool) for target in targets)


def _run(
    name: str,
    *options: str,
    environment: Mapping[str, str] | None = None,
    timeout_seconds: float | None = None,
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "evaluations", name, "--json", *options],
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=timeout_seconds,
        check=False,
    )
