"""What is done about defects of TaskVine, by version. Each was met on 7.14.5.

Where a defect is avoided by how the engine is built, it is named there:
slots leak when a running call is cancelled (``Vine.cancel``), an idle library is ended by any other
dispatch (``carriage.EVENTS`` keeps it busy), calls of a dead library run for ever and a killed
vine_worker stays connected (``workers.launch``), run directories that managers share
(``TaskVineEngine``: each has its own), outputs that are never deleted (calls have none: they answer
on standard output), calls that no worker can take hold up the others (``vine.PROBES`` and the depth
in ``vine.TUNING``).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
from pathlib import Path

STUCK_SECONDS = 3.0
"""A call that TaskVine calls ready for so long, at a worker that is there, may be lost: 7.14 drops
one whose library it may not send just now (mended in 7.15). It is made again, in every version."""


def numbers(version: str) -> tuple[int, ...]:
    """``7.14.5`` as numbers; of what is not numeric only the beginning."""
    match = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in match[0].split(".")) if match else ()


def needs_anchor(version: str) -> bool:
    """From 7.15 on, a pass in which the probes ended returns before it looks for new connections,
    unless another task is ready."""
    return numbers(version) >= (7, 15)


def can_pass_kit_on(version: str) -> bool:
    """Whether workers may fetch the kit from each other; 7.17 would have those that can reach no
    other try that again and again, and never give them the manager's."""
    return numbers(version) < (7, 17)


def silence_logs(opened: set[int], directory: Path) -> None:
    """TaskVine's logs grow by a kilobyte with every call, and cannot be turned off."""
    target = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    for descriptor in opened:
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/self/fd/{descriptor}").startswith(str(directory)):
                os.dup2(target, descriptor, inheritable=False)
    os.close(target)
    debug = directory / "run" / "vine-logs" / "debug"
    if not _only_notices() and debug.exists():
        debug.unlink()
        debug.symlink_to(os.devnull)


def _only_notices() -> bool:
    """Not part of the Python interface; the library may export it or not."""
    from pcm.engines.taskvine.bindings import cvine

    library = ctypes.CDLL(cvine._cvine.__file__)
    for prefix in ("cctools_", ""):
        with contextlib.suppress(AttributeError):
            clear = getattr(library, f"{prefix}debug_flags_clear")
            keep = getattr(library, f"{prefix}debug_flags_set")
            clear()
            for flag in (b"fatal", b"error", b"notice"):  # These go to standard error too.
                keep(flag)
            return True
    return False
