"""What the taskvine engine needs, from its module to a worker that runs a call."""

from __future__ import annotations

import re
import shutil
import socket
import stat
import subprocess
import tempfile
from pathlib import Path

from pcm.doctor.base import Check, Section
from pcm.doctor.commands import Answer, python
from pcm.doctor.trying import trial

INSTALL = (
    "Debian: apt install coop-computing-tools python3-workqueue, with an environment made by"
    " python -m venv --system-site-packages; or conda install -c conda-forge ndcctools"
)
VERSION = (
    "import warnings; warnings.simplefilter('ignore'); from ndcctools.taskvine import cvine;"
    " print(cvine.vine_version_string())"
)
PROTOCOLS = ((7, 17), (7, 14))
"""The first versions of each protocol between manager and workers that is known to work."""
IMPORT_SECONDS = 60.0
TRIAL_SECONDS = 20.0


def taskvine(trial_seconds: float = TRIAL_SECONDS) -> Section:
    """The module on the manager's side, the program on the workers', and whether they meet.

    What needs the two is tried only where they are there.
    """
    module, worker = _module(), program("vine_worker", INSTALL)
    checks = [module, worker]
    if module.state == worker.state == "ok":
        checks[1] = _same_protocol(module, worker)
        checks += [_port(), _password()]
    if all(check.state == "ok" for check in checks):
        checks.append(trial("taskvine", "a worker by loopback", trial_seconds))
    return Section("taskvine engine", checks)


def _module() -> Check:
    return module_found(python("-c", VERSION, timeout_seconds=IMPORT_SECONDS))


def module_found(answer: Answer) -> Check:
    """From what a Python said that imported the module and printed TaskVine's version."""
    if answer.code == 0:
        return Check("ndcctools", "ok", f"TaskVine {answer.stdout.strip()}")
    if "No module named 'ndcctools" in answer.last_line:
        return Check("ndcctools", "missing", "not installed for this Python", INSTALL)
    return Check("ndcctools", "broken", answer.last_line, INSTALL)


def program(name: str, mend: str) -> Check:
    """Whether a program is on PATH."""
    path = shutil.which(name)
    if path:
        return Check(name, "ok", path)
    return Check(name, "missing", "not on PATH", mend)


def _same_protocol(module: Check, worker: Check) -> Check:
    """A vine_worker of another version family is refused by the manager."""
    try:
        answer = subprocess.run(
            [worker.detail, "--version"], capture_output=True, text=True, check=False, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Check(worker.name, "broken", f"{worker.detail}: {error}", INSTALL)
    if answer.returncode != 0:
        said = (answer.stderr or answer.stdout).strip() or f"exit code {answer.returncode}"
        return Check(worker.name, "broken", f"{worker.detail}: {said}", INSTALL)
    found = re.search(r"version (\d[\w.]*)", answer.stdout)
    version = found[1] if found else "of an unknown version"
    if protocol(version) != protocol(module.detail):
        problem = f"{worker.detail} is {version}, the module {module.detail}"
        return Check(worker.name, "broken", problem, "take both from one installation: check PATH")
    return Check(worker.name, "ok", f"{worker.detail}, {version}")


def protocol(version: str) -> tuple[int, ...]:
    """The first version that speaks as this one does; () for older and unknown ones."""
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    return next((first for first in PROTOCOLS if numbers >= first), ())


def _port() -> Check:
    try:
        with socket.create_server(("", 0)) as server:
            port = server.getsockname()[1]
            with socket.create_connection(("127.0.0.1", port), timeout=5.0):
                return Check("port", "ok", f"a port can be opened and reached (tried {port})")
    except OSError as error:
        mend = "let this machine's firewall pass TCP by loopback, and the port that you give to"
        return Check(
            "port", "broken", f"none can be opened and reached: {error}", f"{mend} --listen"
        )


def _password() -> Check:
    folder = tempfile.gettempdir()
    mend = "set TMPDIR to a folder of a local file system"
    try:
        with tempfile.NamedTemporaryFile(prefix="pcm-doctor-") as file:
            mode = stat.S_IMODE(Path(file.name).stat().st_mode)
    except OSError as error:
        return Check("password file", "broken", f"cannot be made in {folder}: {error}", mend)
    if mode & 0o077:
        problem = f"others can read what is made in {folder} (mode {mode:o})"
        return Check("password file", "broken", problem, mend)
    return Check("password file", "ok", f"can be kept from others in {folder}")
