"""Whether the nodes of a pool can reach this machine, as far as it can be told from here.

``python -m pcm.doctor.reaching`` prints what HTCondor knows, as one JSON object: a program of its
own, since the bindings may wait for a daemon longer than a person does.
"""

from __future__ import annotations

import ipaddress
import json
import socket
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, NamedTuple

from pcm.doctor.base import Check

NAME = "reaching it"
HOST_MEND = "give `host`: the name or the address by which the nodes reach this machine"
CONNECT_SECONDS = 3.0


class Reach(NamedTuple):
    """``host``: what nodes are told; ``addresses``: what that means here; ``answers``: whether a
    port opened there can be connected to from here; ``ports``: those of HTCondor, if limited."""

    host: str
    addresses: tuple[str, ...]
    answers: bool
    machines: tuple[str, ...] = ()
    ports: tuple[int, int] | None = None


def reach(known: dict[str, Any]) -> Reach:
    """``known``: from the program."""
    from pcm.engines.hosts import own_hosts

    host = own_hosts()[0]
    addresses: list[str] = []
    with suppress(OSError):
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        addresses = [str(one[4][0]) for one in found]
    low, high = known.get("ports") or (None, None)
    return Reach(
        host,
        tuple(dict.fromkeys(addresses)),
        _answers(host),
        tuple(known.get("machines", ())),
        (low, high) if low and high else None,
    )


def reach_found(seen: Reach) -> Check:
    """Firewalls between here and the nodes are not seen; the first glidein shows them."""
    where = f"{seen.host} ({', '.join(seen.addresses) or 'no address is known'})"
    own = [ipaddress.ip_address(address) for address in seen.addresses]
    nodes = [ipaddress.ip_address(address) for address in seen.machines]
    if nodes and all(one.is_loopback for one in nodes):
        return Check(NAME, "note", f"nodes are told {where}; all are this machine, at 127.0.0.1")
    problem = ""
    if not own:
        problem = f"no address is known for {seen.host}"
    elif all(one.is_loopback for one in own):
        problem = f"{where} is this machine for itself alone"
    elif not seen.answers:
        problem = f"{where} does not answer even from here"
    elif nodes and all(one.is_private for one in own) and all(one.is_global for one in nodes):
        problem = f"{where} is private, and the nodes are not"
    if problem:
        return Check(NAME, "broken", problem, HOST_MEND)
    if seen.ports is not None:
        low, high = seen.ports
        limit = f"HTCondor here keeps to the ports {low} to {high}: --listen one of them"
        return Check(NAME, "note", f"nodes are told {where}; {limit}")
    return Check(NAME, "note", f"nodes are told {where}; firewalls between are not seen from here")


def machines(ads: Iterable[Any]) -> list[str]:
    """Addresses of the machines, each once."""
    from condor.collector import ip

    found = [ip(str(ad.get("MyAddress", ""))) for ad in ads]
    return list(dict.fromkeys(filter(None, found)))


def _answers(host: str) -> bool:
    with socket.socket() as server:
        server.bind(("", 0))
        server.listen(1)
        try:
            socket.create_connection((host, server.getsockname()[1]), CONNECT_SECONDS).close()
        except OSError:
            return False
        return True


def main() -> None:
    known: dict[str, Any] = {}
    with suppress(Exception):  # What is not known is not said; others say why.
        from condor.collector import ports, slots

        known["ports"] = ports()
        known["machines"] = machines(slots())
    print(json.dumps(known))


if __name__ == "__main__":
    main()
