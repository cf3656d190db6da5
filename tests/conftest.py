"""What holds for every test: it leaves no process, no socket and no open file behind."""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import shutil
import tempfile
import time
from collections.abc import Iterator

import psutil
import pytest
from hypothesis import HealthCheck, settings

from workers.host.processes import adopt_orphans

PATIENCE_SECONDS = 3.0
"""What was told to end may take so long to be gone."""

# How long an example takes on a busy machine is no property.
settings.register_profile(
    "search", deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
# Every run draws the same examples. `--hypothesis-profile=search` looks for new ones.
settings.register_profile("suite", settings.get_profile("search"), derandomize=True)
settings.load_profile("suite")

# Before torch is imported: threads that spin make a busy machine slow, and tests need only one.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Nor do they write into the caches of who runs them, or read what is there.
os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="pcm-caches-")
os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="pcm-state-")
for _place in ("XDG_CACHE_HOME", "XDG_STATE_HOME"):
    atexit.register(shutil.rmtree, os.environ[_place], ignore_errors=True)

# Whatever loses its parent in a test becomes a child of ours, and so does not escape the check.
adopt_orphans()


@pytest.fixture(autouse=True)
def no_leaks() -> Iterator[None]:
    """Fails a test that leaves child processes or open files, sockets or pipes behind."""
    processes, files = set(_processes()), _files()
    yield
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        left_processes = {pid: name for pid, name in _processes().items() if pid not in processes}
        left_files = {key for key in _files().items() if key not in files.items()}
        if not left_processes and not left_files:
            return
        if time.monotonic() > deadline:
            break
        gc.collect()
        time.sleep(0.01)
    for pid in left_processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(pid).kill()
    pytest.fail(f"left behind: {left_processes or ''} {sorted(left_files) or ''}")


def _processes() -> dict[int, str]:
    """Living descendants with their command lines. Zombies that we adopted are reaped here."""
    found: dict[int, str] = {}
    if not _has_children():
        return found
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.status() == psutil.STATUS_ZOMBIE:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(process.pid, os.WNOHANG)
                continue
            command = " ".join(process.cmdline())
            # It serves this process for good once it is there, and ends with it.
            if "multiprocessing.resource_tracker" not in command:
                found[process.pid] = command
    return found


def _has_children() -> bool:
    """Asked of the kernel at no cost, where it can tell."""
    try:
        for thread in os.listdir("/proc/self/task"):
            with open(f"/proc/self/task/{thread}/children", "rb") as file:
                if file.read(1):
                    return True
    except OSError:
        return True
    return False


def _files() -> dict[int, str]:
    """Open descriptors of this process that a test may be to blame for, and what they are."""
    found = {}
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            target = os.readlink(f"/proc/self/fd/{name}")
            if not target.startswith(("/dev/", "/proc/")):
                found[int(name)] = target
    return found
