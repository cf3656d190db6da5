from __future__ import annotations

import stat
import time
from pathlib import Path

import pytest

import pcm
from pcm.errors import InputError
from tests.manager.workloads import digest, expected, salt
from workers.protocol import Telemetry
from workers.telemetry.password import read
from workers.telemetry.sending import Sender


def window() -> Telemetry:
    return Telemetry(time.time(), 1.0, [("host.cpu_pressure", "", 0.5)])


def test_what_agents_see_is_heeded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PCM_TELEMETRY_SECONDS", "0")
    password = tmp_path / "password"
    with pcm.Manager(workers=1, telemetry_listen=0, telemetry_password_file=password) as manager:
        assert stat.S_IMODE(password.stat().st_mode) == 0o600
        assert manager.telemetry_address is not None
        run = manager.map(digest, range(10), context=salt())
        assert {row.key: row.value for row in run} == expected(10)
        (worker,) = (view.worker for view in manager.workers())
        host, port = manager.telemetry_address
        sender = Sender((host, port), read(str(password)), "agent", [worker])
        sender.start()
        try:
            deadline = time.monotonic() + 60.0
            while worker not in manager.skew().scores:
                assert time.monotonic() < deadline
                sender.send(worker, window())
                time.sleep(0.02)
        finally:
            sender.close()


@pytest.mark.parametrize("listen", ["nowhere", "1.2.3.4:x", 70_000, ""])
def test_an_address_that_is_none(listen: str | int, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no address"):
        pcm.Manager(telemetry_listen=listen, telemetry_password_file=tmp_path / "p")


def test_no_password_or_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="goes with a password"):
        pcm.Manager(telemetry_listen=0)
    (tmp_path / "empty").touch()
    with pytest.raises(InputError, match="is empty"):
        pcm.Manager(telemetry_listen=0, telemetry_password_file=tmp_path / "empty")
    with pytest.raises(InputError, match="cannot be written"):
        pcm.Manager(telemetry_listen=0, telemetry_password_file=tmp_path / "no" / "folder")
