"""What the engine needs: of this machine, of its options, of the workers that join."""

from __future__ import annotations

import importlib.util
import posixpath
import shutil
import tarfile
import time
import zlib
from pathlib import Path

from pcm.errors import EngineError, InputError
from workers import carriage

INSTALL = (
    "install TaskVine: on Debian `apt install coop-computing-tools python3-workqueue`, in an"
    " environment made with `python -m venv --system-site-packages`; or"
    " `conda install -c conda-forge ndcctools`"
)

LOOK_SECONDS = 5.0
"""How long an archive is looked into; large ones are read only in part."""


def check_machine() -> None:
    """Raises EngineError."""
    try:
        module = importlib.util.find_spec("ndcctools.taskvine")
    except ModuleNotFoundError:
        module = None
    if module is None:
        raise EngineError(f"this Python has no module ndcctools.taskvine; {INSTALL}")
    if shutil.which("vine_worker") is None:
        raise EngineError(f"the program vine_worker is not on PATH; {INSTALL}")


def check_password_file(path: Path) -> None:
    """Raises InputError."""
    try:
        empty = not path.read_bytes().strip()
    except OSError as error:
        raise InputError(
            f"cannot be read ({error})", field="password_file", mend="name a file with a password"
        ) from error
    if empty:
        raise InputError(f"{path} is empty", field="password_file", mend="put a password into it")


def check_environment(path: Path) -> None:
    """Raises InputError if it is no archive of a Python environment, as far as that can be seen in
    a few seconds."""
    field, mend = "environment", "give what `conda-pack` or `venv-pack` made, as a tar archive"
    deadline = time.monotonic() + LOOK_SECONDS
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                if posixpath.normpath(member.name) == "bin/python":
                    return
                if time.monotonic() > deadline:
                    return
    except (OSError, tarfile.TarError, EOFError, zlib.error) as error:
        problem = f"{path} is no archive that can be read ({error})"
        raise InputError(problem, field=field, mend=mend) from error
    raise InputError(f"{path} holds no bin/python", field=field, mend=mend)


def refusal(identity: carriage.Identity, *, own_python: bool = True) -> str:
    """Why a worker cannot be worked with; empty if it can. ``own_python``: its launcher's Python
    is what will run the user's code."""
    if own_python and identity.python != carriage.python_version():
        return (
            f"its Python is {identity.python}, the manager's {carriage.python_version()}: code is"
            " pickled for one minor version; start the worker with the same"
        )
    if identity.version != carriage.CARRIAGE_VERSION:
        return (
            f"its launcher is of version {identity.version}, this manager works with"
            f" {carriage.CARRIAGE_VERSION}: install the same version of pcm on both sides"
        )
    return ""
