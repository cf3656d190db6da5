"""Where a dashboard listens: this machine's own address, unless another is named."""

from __future__ import annotations

import ipaddress
import socket
from typing import NamedTuple

from pcm.errors import InputError

LOOPBACK = "127.0.0.1"
BACKLOG = 128


class Address(NamedTuple):
    """``port`` 0: any that is free."""

    host: str = LOOPBACK
    port: int = 0

    @classmethod
    def of(cls, listen: bool | int | str, field: str = "dashboard") -> Address:
        """Of a port of this machine's own, of ``"ADDRESS:PORT"``, or of True: any free port.

        Raises InputError.
        """
        if listen is True:
            return cls()
        host, _, port = str(listen).rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not port.isdecimal() or int(port) > 65535:
            mend = "give a port, or ADDRESS:PORT"
            raise InputError(f"{listen!r} is no address", field=field, mend=mend)
        return cls(host or LOOPBACK, int(port))

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def url(self, token: str = "") -> str:
        """With the token, what a person opens once; a browser remembers it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/" + (f"?token={token}" if token else "")


def bind(address: Address, *, or_any_port: bool = False) -> tuple[socket.socket, Address]:
    """A listening socket, and where it listens. Whoever connects waits until it is served.

    ``or_any_port``: where the port is taken, another. Raises InputError if it cannot listen there.
    """
    listener = None
    try:
        family = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address.host, address.port))
        listener.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        if listener is not None:
            listener.close()
        if or_any_port and address.port:
            return bind(address._replace(port=0))
        raise InputError(
            f"cannot listen on {address.host}:{address.port}: {error}",
            field="dashboard",
            mend="give an address of this machine and a port that is free",
        ) from None
    return listener, address._replace(port=listener.getsockname()[1])
