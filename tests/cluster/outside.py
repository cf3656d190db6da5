"""Workers that no engine started: launchers as a user or a batch system starts them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.cluster import rootfs

DEADLINE_SECONDS = 20.0


def launch(port: int, password_file: Path, *options: str, code: str = "") -> subprocess.Popen[str]:
    """``code`` is run before the launcher, in its process."""
    start = "import runpy; runpy.run_module('workers.launch', run_name='__main__', alter_sys=True)"
    command = [sys.executable, "-c", f"{code}\n{start}", f"127.0.0.1:{port}"]
    command += ["--password-file", str(password_file), *options]
    return subprocess.Popen(
        command,
        env=os.environ | {"PYTHONPATH": str(rootfs.CHECKOUT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(launcher: subprocess.Popen[str]) -> tuple[int, str]:
    """Its exit status and all that it printed, when it has ended by itself."""
    try:
        output, _ = launcher.communicate(timeout=DEADLINE_SECONDS)
    finally:
        launcher.kill()
    return launcher.returncode, output


def other_python(path: Path, code: str) -> str:
    """Make a Python that runs ``code`` before its program; gives what to run before a launcher to
    have its host run by that Python."""
    code += "; import runpy, sys; sys.argv = sys.argv[1:]"
    code += "; runpy.run_path(sys.argv[0], run_name='__main__')"
    path.write_text(f'#!/bin/sh\nexec \'{sys.executable}\' -c "{code}" "$@"\n')
    path.chmod(0o755)
    return f"import sys; sys.executable = {str(path)!r}"
