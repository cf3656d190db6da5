"""The Debian 13 root under .cluster/: where it is, when it is needed, how it is put together."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from tests.cluster.namespaces import become_root, bind, mount

CHECKOUT = Path(__file__).resolve().parents[2]
FOLDER = CHECKOUT / ".cluster"
ROOT = FOLDER / "root"
STAMP = "etc/pcm-root"  # in the root: what it was built from
IN_USE = "in-use"  # a lock that every running command shares
VENV = Path("/opt/venv")  # inside the root
USER = "pcm"  # inside the root; HTCondor refuses jobs of root


def native() -> bool:
    """Whether TaskVine is installed on this machine, so that no root is needed."""
    try:
        module = importlib.util.find_spec("ndcctools.taskvine")
    except ModuleNotFoundError:
        module = None
    return module is not None and shutil.which("vine_worker") is not None


def ordinary_uid() -> int:
    """The id of the ordinary user in the root: the checkout's owner, so that he can write there."""
    return CHECKOUT.stat().st_uid or 1000


def mount_kernel(root: Path) -> None:
    """Mount what programs expect of the kernel: /proc of this process namespace, /dev, /sys."""
    mount("proc", root / "proc", "proc")
    for name in ("dev", "sys"):
        bind(Path("/", name), root / name, recursive=True)
    mount("shm", root / "dev/shm", "tmpfs", options="mode=1777")


def assemble(root: Path, *, shown: Iterable[Path], shared: Iterable[Path]) -> None:
    """Enter `root`, writable but unchanged by what happens in it.

    All writes go to memory and are gone at the end, so that commands which run side by side do not
    meet in one job queue, one log or one /tmp. `shown` paths (and, read-only, `shared` ones) are
    seen at the same place as outside.
    """
    scratch = root / "tmp"
    mount("scratch", scratch, "tmpfs", options="mode=0755")
    for part in ("upper", "work"):
        (scratch / part).mkdir(mode=0o755)
    os.chdir(root)  # relative names: a colon or a comma in the path would end an option
    mount("overlay", root, "overlay", options="lowerdir=.,upperdir=tmp/upper,workdir=tmp/work")
    mount_kernel(root)
    mount("run", root / "run", "tmpfs", options="mode=0755")
    mount("tmp", root / "tmp", "tmpfs", options="mode=1777")
    for name in ("etc/hosts", "etc/resolv.conf"):
        if (outside := Path("/", name).resolve()).exists():
            bind(outside, root / name, read_only=True)
    _make_runtime_folders(root)
    for paths, read_only in ((shown, False), (shared, True)):
        for path in paths:
            _show(path, root, read_only=read_only)
    if (hidden := root / FOLDER.relative_to("/")).is_dir():  # or the root would lie in itself
        mount("none", hidden, "tmpfs", options="mode=0555")
    become_root(root)


def accounts(root: Path) -> dict[str, tuple[int, int, str]]:
    """User id, group id and home of each user of `root`, from its passwd file.

    Not through `pwd`: the C library of this machine would load modules of the other one.
    """
    lines = (root / "etc/passwd").read_text().splitlines()
    fields = [line.split(":") for line in lines]
    return {name: (int(uid), int(gid), home) for name, _, uid, gid, _, home, _ in fields}


def _make_runtime_folders(root: Path) -> None:
    """What systemd-tmpfiles makes on a running Debian; condor_master does not start without."""
    lock = root / "run/lock"
    lock.mkdir(mode=0o1777)
    lock.chmod(0o1777)
    if "condor" not in (known := accounts(root)):
        return
    uid, gid, _ = known["condor"]
    for folder in (root / "run/condor", lock / "condor"):
        folder.mkdir(mode=0o755)
        os.chown(folder, uid, gid)


def _show(path: Path, root: Path, *, read_only: bool) -> None:
    target = root / path.relative_to("/")
    if path.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    bind(path, target, read_only=read_only)  # not recursive: our own mounts lie in the checkout
