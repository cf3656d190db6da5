"""What the taskvine engine needs."""

from __future__ import annotations

import shutil

from pcm.doctor.base import Check, Section
from pcm.doctor.commands import importable

INSTALL = (
    "Debian: apt install coop-computing-tools python3-workqueue, with an environment made by"
    " python -m venv --system-site-packages; or conda install -c conda-forge ndcctools"
)


def taskvine() -> Section:
    """The Python module on the manager's side, the program on the workers' side."""
    return Section("taskvine engine", [_module(), program("vine_worker", INSTALL)])


def _module() -> Check:
    answer = importable("ndcctools.taskvine")
    if answer.code == 0:
        return Check("ndcctools", "ok")
    if "No module named 'ndcctools" in answer.last_line:
        return Check("ndcctools", "missing", "not installed for this Python", INSTALL)
    return Check("ndcctools", "broken", answer.last_line, INSTALL)


def program(name: str, mend: str) -> Check:
    """Whether a program is on PATH."""
    path = shutil.which(name)
    if path:
        return Check(name, "ok", path)
    return Check(name, "missing", "not on PATH", mend)
