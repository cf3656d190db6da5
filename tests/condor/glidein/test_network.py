"""Managers that cannot be reached."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from condor.glidein.network import check_manager
from condor.glidein.trouble import MACHINE_UNFIT, Trouble


def test_a_manager_that_nobody_can_reach_from_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket, "create_connection", refuse)
    with pytest.raises(Trouble, match="cannot be reached") as raised:
        check_manager("head.example.org:9123")
    assert raised.value.status == MACHINE_UNFIT


def test_a_port_where_nobody_listens_may_get_its_manager_back() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        check_manager(f"127.0.0.1:{sock.getsockname()[1]}")
