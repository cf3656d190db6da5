"""Workers that no engine started: launchers as a user or a batch system starts them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.cluster import rootfs


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
