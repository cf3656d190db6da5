"""Two hosts of this machine, joined by a cable: namespaces with a veth each."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import ExitStack

ADDRESSES = ("10.200.0.1", "10.200.0.2")
INTERFACE = "eth0"
PATIENCE_SECONDS = 20.0


class Host:
    """Held by a process of its own; what is in it vanishes with that."""

    def __init__(self) -> None:
        self._holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "echo made; exec cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != "made\n":
            _, words = self._holder.communicate()
            raise SystemExit(
                f"observer: needs network namespaces, run it as root ({words.strip()})"
            )
        self.process = self._holder.pid

    def command(self, *words: str) -> list[str]:
        """As it is to be started so that it runs there."""
        return ["nsenter", "--target", str(self.process), "--net", *words]

    def run(self, line: str) -> None:
        subprocess.run(self.command(*line.split()), check=True, timeout=PATIENCE_SECONDS)

    def close(self) -> None:
        self._holder.communicate(timeout=PATIENCE_SECONDS)


class Hosts:
    """Context manager: ``one`` and ``other``, with the ADDRESSES. Exits where it cannot be."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    def __enter__(self) -> Hosts:
        if lacking := [name for name in ("ip", "unshare", "nsenter") if not shutil.which(name)]:
            raise SystemExit(f"observer: there is no {' and no '.join(lacking)} on PATH")
        try:
            self.one, self.other = self._host(), self._host()
            self.one.run(
                f"ip link add {INTERFACE} type veth peer name {INTERFACE}"
                f" netns {self.other.process}"
            )
            for host, address in zip((self.one, self.other), ADDRESSES, strict=True):
                host.run(f"ip address add {address}/24 dev {INTERFACE}")
                host.run(f"ip link set {INTERFACE} up")
        except BaseException:
            self._stack.close()
            raise
        return self

    def _host(self) -> Host:
        made = Host()
        self._stack.callback(made.close)
        return made

    def __exit__(self, *_: object) -> None:
        self._stack.close()
