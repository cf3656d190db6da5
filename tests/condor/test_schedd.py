"""Which schedds are on this machine."""

from __future__ import annotations

import socket

from condor.schedd import is_here


def test_by_address_or_by_name() -> None:
    assert is_here("<127.0.0.1:9618?addrs=127.0.0.1-9618>", "elsewhere.example.org")
    assert is_here("", socket.gethostname())
    assert not is_here("<192.0.2.1:9618?noUDP>", "elsewhere.example.org")
    assert not is_here("<[2001:db8::1]:9618>", "elsewhere.example.org")
    assert not is_here("nonsense", "")
