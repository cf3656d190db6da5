"""The files that every glidein is sent, in a directory that its jobs are submitted from."""

from __future__ import annotations

import io
import os
import shutil
import zipfile
from pathlib import Path

import condor
import workers
from condor import glidein
from condor.invitation import Invitation
from pcm.errors import InputError

STUB = "pcm-glidein"
"""The job's executable: finds a Python for the program."""
PROGRAM = "pcm-glidein.pyz"
"""Our ``glidein`` package, as a file that Python runs."""
KIT = "pcm-worker.zip"
"""Our ``workers`` package."""
PASSWORD = "pcm-password"
OUTPUT = "output"
"""A folder for what each prints."""
_START = "from glidein.__main__ import main\n\nmain()\n"
_EPOCH = (1980, 1, 1, 0, 0, 0)


def lay_out(directory: Path, invitation: Invitation) -> None:
    """Write the files, for these jobs and those already waiting. Raises InputError if they cannot
    be written, or the password cannot be read."""
    here = Path(condor.__file__).parent
    try:
        (directory / OUTPUT).mkdir(parents=True, exist_ok=True)
        _replace(directory / STUB, (here / STUB).read_bytes(), 0o755)
        _replace(directory / PROGRAM, program(), 0o644)
        _replace(directory / KIT, kit(), 0o644)
        _replace(directory / PASSWORD, invitation.password_file.read_bytes(), 0o600)
    except OSError as error:
        mend = "name a directory that can be written, on a disk of this machine"
        raise InputError(str(error), field="directory", mend=mend) from error


def log(directory: Path, name: str) -> Path:
    """What happens to the jobs of a class, as HTCondor writes it down."""
    return directory / f"{name}.log"


def clear(directory: Path) -> None:
    """Take away what only jobs need, once there are none; logs stay for people to read."""
    for name in (STUB, PROGRAM, KIT, PASSWORD):
        (directory / name).unlink(missing_ok=True)
    if not any((directory / OUTPUT).glob("*")):
        shutil.rmtree(directory / OUTPUT, ignore_errors=True)


def program() -> bytes:
    """What the glidein does on its node, for ``python pcm-glidein.pyz``."""
    # Not compressed: the Python of a node may have been built without zlib.
    return _zip(Path(glidein.__file__).parent, zipfile.ZIP_STORED, {"__main__.py": _START})


def kit() -> bytes:
    """The ``workers`` package, for the worker's Python."""
    return _zip(Path(workers.__file__).parent, zipfile.ZIP_DEFLATED, {})


def _zip(package: Path, compression: int, beside: dict[str, str]) -> bytes:
    """A package, and files beside it. The same sources give the same bytes."""
    files = {
        f"{package.name}/{path.relative_to(package).as_posix()}": path.read_bytes()
        for path in sorted(package.rglob("*.py"))
    }
    files |= {name: text.encode() for name, text in beside.items()}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = compression
            archive.writestr(entry, data)
    return content.getvalue()


def _replace(path: Path, content: bytes, mode: int) -> None:
    """Jobs are sent the old file or the new one, and never a part of it."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    fresh.chmod(mode)
    fresh.replace(path)
