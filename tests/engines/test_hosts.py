from __future__ import annotations

import ipaddress
import socket

import pytest

from pcm.engines import hosts
from pcm.engines.hosts import own_hosts


def test_the_addresses_are_of_this_machine() -> None:
    addresses = [host for host in own_hosts() if _is_address(host)]
    for address in addresses:
        with socket.create_server((address, 0)):
            assert not address.startswith("127.")
    assert len(set(own_hosts())) == len(own_hosts()) > 0


def _is_address(host: str) -> bool:
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    ("name", "addresses", "found"),
    [
        ("login.example.org", ["10.0.0.1"], ("login.example.org", "192.0.2.7", "10.0.0.1")),
        ("localhost", ["10.0.0.1", "192.0.2.7"], ("192.0.2.7", "10.0.0.1")),
    ],
)
def test_the_name_goes_first_unless_it_says_nothing(
    monkeypatch: pytest.MonkeyPatch, name: str, addresses: list[str], found: tuple[str, ...]
) -> None:
    monkeypatch.setattr(socket, "getfqdn", lambda: name)
    monkeypatch.setattr(hosts, "_outward", lambda: "192.0.2.7")
    monkeypatch.setattr(hosts, "_of_interfaces", lambda: addresses)
    assert own_hosts.__wrapped__() == found


def test_without_a_network_the_name_is_all_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getfqdn", lambda: "localhost")
    monkeypatch.setattr(hosts, "_outward", lambda: "")
    monkeypatch.setattr(hosts, "_of_interfaces", list)
    assert own_hosts.__wrapped__() == ("localhost",)
