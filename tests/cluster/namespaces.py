"""Run one action in mount and process namespaces of its own, so that nothing of it is left.

Every mount that the action makes vanishes with its namespace, and the kernel kills whatever is
still running in the process namespace, daemons included, as soon as its first process ends.
Python 3.11 has no `os.unshare`, hence the C library. See unshare(2), pid_namespaces(7), mount(2).
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import socket
import struct
import traceback
from collections.abc import Callable
from pathlib import Path

CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET = 0x00020000, 0x20000000, 0x40000000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
MNT_DETACH = 2
PR_SET_PDEATHSIG = 1
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
SI_KERNEL = 0x80

FAILED = 125  # exit status for failures of our own, as env(1) and chroot(1) have it
PASSED_ON = {
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGTERM,
    signal.SIGUSR1,
    signal.SIGUSR2,
}

_libc = ctypes.CDLL(None, use_errno=True)


def contain(action: Callable[[], int], *, own_network: bool = False) -> int:
    """Run `action` in a new process inside new namespaces and return its exit status.

    Signals sent to the caller reach the action (or what it executes); a status of 128 + n says
    that signal n ended it. With `own_network` there is a loopback interface and nothing else.
    The caller itself moves to the new mount namespace and has to end soon after.
    """
    _call("unshare", CLONE_NEWNS | CLONE_NEWPID | (CLONE_NEWNET if own_network else 0))
    mount("none", Path("/"), flags=MS_REC | MS_PRIVATE)
    if own_network:
        _raise_loopback()
    # Blocked before the first fork, so that a signal is never lost: tend() takes them one by one.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON | {signal.SIGCHLD})
    first = os.fork()
    if first:
        return _tend(first)
    # The first process of a process namespace ignores signals that it does not handle and
    # inherits orphans; programs do not expect either, so the action gets a process below it.
    _call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL)
    process = os.fork()
    if process:
        os._exit(_tend(process))
    status = FAILED
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        status = action()
    except KeyboardInterrupt:
        status = 128 + signal.SIGINT
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def mount(source: str | Path, target: Path, kind: str | None = None, *, flags: int = 0,
          options: str = "") -> None:  # fmt: skip
    """mount(2). Raises OSError with the target's name."""
    _call("mount", *(os.fsencode(part) for part in (source, target)),
          kind.encode() if kind else None, flags, options.encode(), name=target)  # fmt: skip


def bind(source: Path, target: Path, *, read_only: bool = False, recursive: bool = False) -> None:
    """Make `source` (a folder or a file) visible at `target`, which has to exist."""
    mount(source, target, flags=MS_BIND | (MS_REC if recursive else 0))
    if read_only:  # the kernel ignores MS_RDONLY in the call that makes the bind
        mount("none", target, flags=MS_BIND | MS_REMOUNT | MS_RDONLY)


def become_root(folder: Path) -> None:
    """Make the mount at `folder` the root of this namespace and let go of the old root.

    Not chroot: a process in a chroot cannot make mount namespaces that work, and HTCondor then
    holds every job ("Failed to unshare the mount namespace").
    """
    os.chdir(folder)
    _call("pivot_root", b".", b".", name=folder)  # the old root now lies above the new one
    _call("umount2", b".", MNT_DETACH)
    os.chdir("/")


def _tend(child: int) -> int:
    """Pass signals on to `child` and reap every other process until `child` ends."""
    while True:
        received = signal.sigwaitinfo(PASSED_ON | {signal.SIGCHLD})
        if received.si_signo != signal.SIGCHLD:
            # The terminal sends its signals to the whole foreground group, the child included.
            if received.si_code != SI_KERNEL:
                os.kill(child, received.si_signo)
            continue
        # One SIGCHLD may stand for several children.
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == child:
                code = os.waitstatus_to_exitcode(ended[1])
                return code if code >= 0 else 128 - code


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        fcntl.ioctl(handle, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", IFF_UP))


def _call(function: str, *arguments: object, name: object = None) -> None:
    if getattr(_libc, function)(*arguments):
        error = ctypes.get_errno()
        raise OSError(error, f"{function}: {os.strerror(error)}", name and str(name))
