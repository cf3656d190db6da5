"""Processes: whose death ends whom, how they are ended, and how their end is told."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time

# Numbers of prctl(2), from <linux/prctl.h>.
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

STACK_SIGNAL = signal.SIGRTMIN + 7
"""Makes a template or a replica write the stack of its threads to its log."""

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "RAYON_NUM_THREADS",
)
"""In the environment of a process, how many threads numerical libraries start."""

_libc = ctypes.CDLL(None, use_errno=True)


def set_parent_death_signal(number: int) -> None:
    """Be sent this signal (0: none) when the parent's *thread* that made us ends (prctl(2)).

    The parent may have died just before: compare ``os.getppid()`` afterwards.
    """
    if _libc.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies (prctl(2), child subreaper)."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def kill_group(pid: int) -> None:
    """Kill a process, which has not been reaped, and the process group that it leads."""
    if pid > 1:  # To kill(2) other numbers mean more than one process.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
        kill_members(pid)


def kill_members(group: int) -> None:
    """Kill what is left of a process group; its leader may be gone, and its number is not given
    to others while there are members."""
    if group > 1:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


def children(parent: int) -> list[int]:
    """Pids of the direct children, zombies too."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                with open(f"/proc/{name}/stat", "rb") as file:
                    # The command name, in brackets, may itself hold brackets and blanks.
                    fields = file.read().rpartition(b")")[2].split()
                if int(fields[1]) == parent:
                    found.append(int(name))
    return found


def end_all_children(seconds: float) -> None:
    """Kill and reap children until there are none left, or the time is over.

    With ``adopt_orphans`` the children of those killed become ours, and are killed in their turn.
    """
    deadline = time.monotonic() + seconds
    while (pids := children(os.getpid())) and time.monotonic() < deadline:
        for pid in pids:
            kill_group(pid)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(0.001)


def describe_exit(status: int | None) -> str:
    """How a process ended, from its wait status (None: not known)."""
    if status is None:
        return "ended, its exit status is not known"
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by signal {-code} ({signal.Signals(-code).name})"
    except ValueError:
        return f"killed by signal {-code}"


def describe_death(status: int | None, peak_memory_bytes: int, memory_bytes: int) -> str:
    """How a process ended that we did not end; with what it held and there is, if that is a likely
    cause."""
    story = describe_exit(status)
    if status is not None and os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        peak, total = peak_memory_bytes / 1e9, memory_bytes / 1e9
        story += f": out of memory? its peak was {peak:.1f} GB of {total:.1f} GB"
    return story


def has_members(group: int) -> bool:
    """Whether there are processes in a process group, also ones that are dead and not reaped."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # Of somebody else.
    return True


def search_path() -> str:
    """A PYTHONPATH that lets a new Python find what this one finds, wherever it is started.

    Leaves out what every Python of this installation has by itself.
    """
    own = os.path.dirname(os.__file__)
    paths = []
    for entry in sys.path:
        path = entry or os.getcwd()
        native = (
            path.startswith(own)
            or os.path.basename(path) in ("site-packages", "dist-packages")
            or path.endswith(".zip")
        )
        if not native:
            paths.append(path)
    home = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return os.pathsep.join(dict.fromkeys(path for path in [*paths, *given, home] if path))
