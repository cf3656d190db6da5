"""Install a Debian 13 with TaskVine, HTCondor and CPU torch into a folder."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TextIO

from tests.cluster import rootfs

SUITE = "trixie"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
PACKAGES = (
    "coop-computing-tools",  # the programs of TaskVine
    "python3-workqueue",  # its module `ndcctools`
    "minicondor",
    "python3-torch",  # a CPU build; the one that pip finds brings CUDA along
    "python3-venv",
    "iproute2",
    "procps",
    "chromium",  # looks at the dashboard; what it recommends would be a desktop
)
FILES = {
    # Daemons must not start during the installation.
    "usr/sbin/policy-rc.d": "#!/bin/sh\nexit 101\n",
    # Nobody reads manuals here, and a build that a power cut spoils is built again: no fsync.
    "etc/dpkg/dpkg.cfg.d/small": "path-exclude=/usr/share/doc/*\npath-exclude=/usr/share/man/*\n"
    "path-exclude=/usr/share/locale/*\nforce-unsafe-io\n",
    "etc/apt/apt.conf.d/small": 'APT::Install-Recommends "false";\nAcquire::Languages "none";\n'
    'Acquire::Retries "3";\n',
}
ENVIRONMENT = {
    "DEBIAN_FRONTEND": "noninteractive",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
} | {key: value for key, value in os.environ.items() if key.lower().endswith("_proxy")}


def have_debootstrap() -> bool:
    """Whether debootstrap and Debian's keys are here, after installing them if that is possible."""
    if shutil.which("debootstrap") and KEYRING.exists():
        return True
    if not shutil.which("apt-get"):
        return False
    names = ["debootstrap", "debian-archive-keyring"]
    install = subprocess.run(["apt-get", "install", "-q", "-y", *names], check=False)
    return install.returncode == 0


def install_base(root: Path, log: TextIO) -> None:
    options = ["--variant=minbase", "--force-check-gpg", f"--keyring={KEYRING}"]
    run(["debootstrap", *options, SUITE, str(root), *_mirror()], log)
    for name, text in FILES.items():
        (root / name).write_text(text)
    (root / "usr/sbin/policy-rc.d").chmod(0o755)
    for name in ("etc/hosts", "etc/resolv.conf"):
        shutil.copyfile(Path("/", name), root / name)


def install_packages(root: Path, log: TextIO) -> None:
    rootfs.mount_kernel(root)
    for words in (["update"], ["install", *PACKAGES], ["clean"]):
        run(["apt-get", "-q", "-y", *words], log, root=root)
    for names in (root / "var/lib/apt/lists").glob("*_*"):
        names.unlink()
    user = ["useradd", "--create-home", "--shell", "/bin/bash"]
    run([*user, "--uid", str(rootfs.ordinary_uid()), rootfs.USER], log, root=root)


def run(
    command: list[str],
    log: TextIO,
    *,
    root: Path | None = None,
    settings: dict[str, str] | None = None,
) -> None:
    """Run a command, in `root` if given, and write what it says to `log`.

    Raises subprocess.CalledProcessError.
    """
    inside = ["chroot", str(root)] if root else []
    subprocess.run(
        [*inside, *command],
        env=ENVIRONMENT | (settings or {}),
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
    )


def _mirror() -> list[str]:
    """The Debian mirror of this machine's apt, or nothing: then debootstrap takes its own."""
    listing = ["apt-get", "indextargets", "--format", "$(LABEL) $(COMPONENT) $(REPO_URI)"]
    answer = subprocess.run(
        [*listing, "Created-By: Packages"], check=False, capture_output=True, text=True
    )
    found = [line.split()[2] for line in answer.stdout.splitlines() if "Debian main " in line]
    return found[:1]
