"""Network namespaces on a bridge, inside namespaces that vanish with the program they are for."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
NICE = -10
"""What else this machine does must not be taken for a fault: the stage comes first."""
BRIDGE = "br0"
PREFIX = "10.77.0."
FREE_RATE = 10_000_000_000
"""Bits per second of a cable that nothing holds back."""
CLONE_NEWNET = 0x40000000
TOOLS = ("unshare", "ip", "tc", "nice")

TCP = {"tcp_ecn": "1", "tcp_early_retrans": "0"}
"""Ends can read marks; and no tail loss probes, which a host sends again and again where a receiver
is only slow to be scheduled (one or two a second on a busy machine): here nothing is lost unless we
drop it."""

_libc = ctypes.CDLL(None, use_errno=True)


class CannotStage(RuntimeError):
    """This machine does not permit it, or lacks a tool."""


def inside(module: str, *arguments: str) -> list[str]:
    """The command that runs a module of ours in network, mount and process namespaces of its own:
    whatever it starts or mounts is gone as soon as it ends. Raises CannotStage."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        raise CannotStage(f"no {' or '.join(missing)} here")
    if not os.path.exists("/dev/net/tun"):
        raise CannotStage("no /dev/net/tun here")
    unshare = ["unshare", "-n", "-m", "-p", "--fork", "--kill-child", "--mount-proc"]
    tried = subprocess.run(
        [*unshare, "sh", "-c", "mount -t tmpfs none /run && ip link add br0 type bridge"],
        capture_output=True,
        text=True,
        check=False,
    )
    if tried.returncode:
        raise CannotStage(f"no namespaces here: {tried.stderr.strip()}")
    return ["nice", "-n", str(NICE), *unshare, sys.executable, "-m", module, *arguments]


def call(*command: str, namespace: str | None = None) -> None:
    """Run a command to its end. Raises CannotStage with what it said."""
    given = [*_entering(namespace), *command]
    done = subprocess.run(given, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotStage(f"{' '.join(given)}: {done.stderr.strip()}")


def start(
    command: Sequence[str], namespace: str | None = None, pass_fds: Sequence[int] = (), **more: str
) -> subprocess.Popen[str]:
    """A program that talks over its standard streams, in a namespace. ``more``: its environment."""
    return subprocess.Popen(
        [*_entering(namespace), *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
        pass_fds=pass_fds,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", **more},
    )


def _entering(namespace: str | None) -> list[str]:
    return ["ip", "netns", "exec", namespace] if namespace else []


class Fabric:
    """A bridge, to which hosts are joined by a cable each: ``e0`` in the host's namespace, a port
    named ``p-HOST`` at the bridge."""

    def __init__(self) -> None:
        """To be called inside, once."""
        with contextlib.suppress(OSError):  # Where sessions share the machine, nice is within one.
            os.setsid()
            Path("/proc/self/autogroup").write_text(str(NICE), encoding="ascii")
        call("mount", "-t", "tmpfs", "none", "/run")
        os.mkdir("/run/netns")
        call("ip", "link", "set", "lo", "up")
        call("ip", "link", "add", BRIDGE, "type", "bridge")
        call("ip", "link", "set", BRIDGE, "up")
        self.addresses: dict[str, str] = {}

    @property
    def ports(self) -> list[str]:
        return [port_of(host) for host in self.addresses]

    def host(self, name: str, *, cable: bool = True) -> str:
        """A new one; its address. Without a ``cable`` whoever calls lays one, from ``e0`` there to
        its port here, and then says ``connect``."""
        self.addresses[name] = f"{PREFIX}{len(self.addresses) + 1}"
        call("ip", "netns", "add", name)
        if cable:
            call("ip", "link", "add", port_of(name), "type", "veth",
                 "peer", "name", "e0", "netns", name)  # fmt: skip
            self.connect(name)
        return self.addresses[name]

    def connect(self, name: str) -> None:
        # Packets of the size that goes over a wire, not what a card would make such packets of.
        call("ip", "link", "set", "e0", "gso_max_segs", "1", namespace=name)
        call("ip", "link", "set", "lo", "up", namespace=name)
        call("ip", "address", "add", f"{self.addresses[name]}/24", "dev", "e0", namespace=name)
        call("ip", "link", "set", "e0", "up", namespace=name)
        call("ip", "link", "set", port_of(name), "master", BRIDGE, "up")
        with entered(name):
            for setting, value in TCP.items():
                Path(f"/proc/sys/net/ipv4/{setting}").write_text(value, encoding="ascii")


def port_of(host: str) -> str:
    return f"p-{host}"


@contextmanager
def entered(namespace: str) -> Iterator[None]:
    """This thread opens its sockets there meanwhile (setns(2))."""
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    there = os.open(f"/run/netns/{namespace}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _set(there)
        yield
    finally:
        _set(before)
        os.close(before)
        os.close(there)


def _set(descriptor: int) -> None:
    if _libc.setns(descriptor, CLONE_NEWNET):
        error = ctypes.get_errno()
        raise OSError(error, f"setns: {os.strerror(error)}")
