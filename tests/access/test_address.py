"""Addresses: what is understood, what is refused, and that a taken port is said."""

from __future__ import annotations

import socket

import pytest

from pcm.access import Address, bind
from pcm.errors import InputError


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (True, ("127.0.0.1", 0)),
        (8642, ("127.0.0.1", 8642)),
        ("8642", ("127.0.0.1", 8642)),
        ("10.0.0.1:80", ("10.0.0.1", 80)),
        ("[::1]:80", ("::1", 80)),
    ],
)
def test_what_is_understood(given: bool | int | str, expected: tuple[str, int]) -> None:
    assert Address.of(given) == expected


@pytest.mark.parametrize("given", ["", "here", "host:", "1.2.3.4:70000", -1, "on"])
def test_what_is_refused(given: int | str) -> None:
    with pytest.raises(InputError, match="is no address"):
        Address.of(given)


def test_only_this_machine_reaches_loopback() -> None:
    own = ("127.0.0.1", "127.0.0.2", "::1", "localhost")
    assert all(Address(host).is_loopback for host in own)
    assert not any(Address(host).is_loopback for host in ("0.0.0.0", "10.0.0.1", "node7"))


def test_whoever_connects_is_kept_waiting_until_somebody_serves() -> None:
    listener, address = bind(Address())
    with listener, socket.create_connection(address, timeout=5):
        assert address.port
        assert address.url("t") == f"http://127.0.0.1:{address.port}/?token=t"


def test_a_port_that_is_taken_is_said_or_another_taken() -> None:
    first, address = bind(Address())
    with first:
        with pytest.raises(InputError, match="cannot listen"):
            bind(address)
        other, where = bind(address, or_any_port=True)
        with other:
            assert where.port != address.port
