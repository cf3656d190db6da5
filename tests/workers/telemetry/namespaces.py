"""A network namespace of its own for a piece of Python, where that is permitted."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
PATIENCE_SECONDS = 60.0
SETUP = """
set -e
mount -t sysfs sysfs /sys
ip link set lo up mtu 1500
ip link add v0 type veth peer name v1
ip link set v0 up
ip link set v1 up
ip address add 10.9.0.1/24 dev v0
"""


def run(program: str, setup: str = "") -> Any:
    """What the program prints, as JSON, in a namespace with the interfaces lo, v0 and v1, where
    ``/sys`` shows these. Skips the test where namespaces, or iproute2, are not to be had."""
    if shutil.which("ip") is None or shutil.which("unshare") is None:
        pytest.skip("no ip or unshare here")
    made = subprocess.run(
        ["unshare", "-n", "-m", "sh", "-c", SETUP + setup],
        check=False,
        capture_output=True,
        timeout=PATIENCE_SECONDS,
    )
    if made.returncode:
        pytest.skip(f"no namespaces here: {made.stderr.decode(errors='replace').strip()}")
    python = [sys.executable, "-c", textwrap.dedent(program)]
    ended = subprocess.run(
        ["unshare", "-n", "-m", "sh", "-c", f'{SETUP}{setup}\nexec "$@"', "sh", *python],
        check=False,
        capture_output=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        timeout=PATIENCE_SECONDS,
    )
    assert ended.returncode == 0, ended.stderr.decode(errors="replace")
    return json.loads(ended.stdout)
