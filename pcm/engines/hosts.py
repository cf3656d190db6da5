"""Under which names and addresses other machines may reach this one."""

from __future__ import annotations

import fcntl
import functools
import socket
import struct
from contextlib import suppress

SIOCGIFADDR = 0x8915
"""Ask for an interface's IPv4 address (netdevice(7))."""
FAR_AWAY = ("192.0.2.1", 9)
"""An address for documentation (RFC 5737): nothing is sent there."""


@functools.cache
def own_hosts() -> tuple[str, ...]:
    """The full name, the address by which the world is reached, and those of other interfaces.

    Loopback is left out, unless there is nothing else. Asks the name service once, which may take
    seconds where it is broken.
    """
    addresses = [address for address in (_outward(), *_of_interfaces()) if address]
    name = socket.getfqdn()
    telling = [] if name.startswith("localhost") else [name]
    return tuple(dict.fromkeys([*telling, *addresses])) or (name,)


def _outward() -> str:
    """The address of the default route's interface, or nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, suppress(OSError):
        sock.connect(FAR_AWAY)
        address: str = sock.getsockname()[0]
        return address
    return ""


def _of_interfaces() -> list[str]:
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for _, name in socket.if_nameindex():
            with suppress(OSError):  # it has none
                request = struct.pack("256s", name.encode()[:15])
                answer = fcntl.ioctl(sock.fileno(), SIOCGIFADDR, request)
                found.append(socket.inet_ntoa(answer[20:24]))
    return [address for address in found if not address.startswith("127.")]
