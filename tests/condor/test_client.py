"""The process that calls HTCondor for a manager: its answers, its errors, its end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from condor import Glideins
from condor.client import Client
from condor.faults import CondorError
from condor.matching import demand

pytest.importorskip("htcondor2")


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """Where there is no pool."""
    (tmp_path / "config").write_text(f"LOCAL_DIR = {tmp_path}\nCOLLECTOR_HOST = 127.0.0.1:9\n")
    monkeypatch.setenv("CONDOR_CONFIG", str(tmp_path / "config"))
    client = Client()
    yield client
    client.close()


def test_logs_are_read_there(client: Client, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("000 (001.000.000) 2026-11-21 11:02:13 Job submitted from host: <>\n...\n")
    (event,) = client.events(log, 0)
    assert (event.kind, event.job) == ("submitted", (1, 0))
    assert client.events(log, 1) == []


def test_errors_come_back_with_their_mend(client: Client) -> None:
    with pytest.raises(CondorError, match="looking for glideins: there is no schedd") as raised:
        client.jobs("run")
    assert "submit node" in raised.value.mend
    assert not raised.value.transient
    with pytest.raises(CondorError, match="submitting glideins: there is no schedd"):
        client.submit({"executable": "/bin/true"}, 1)
    with pytest.raises(CondorError, match="asking the pool for its machines"):
        client.match(demand(Glideins(name="a", most=1)))
    client.remove([], "none")


def test_when_it_dies_there_is_another(client: Client, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("000 (001.000.000) 2026-11-21 11:02:13 Job submitted from host: <>\n...\n")
    assert len(client.events(log, 0)) == 1
    (service,) = psutil.Process().children()
    service.kill()
    with pytest.raises(CondorError, match="has ended") as raised:
        client.events(log, 1)
    assert raised.value.transient
    assert client.events(log, 1) == []  # What was known is not told again.


def test_another_thread_can_end_a_call(client: Client, tmp_path: Path) -> None:
    client.events(tmp_path / "log", 0)
    (service,) = psutil.Process().children()
    service.suspend()
    failed: list[CondorError] = []

    def ask() -> None:
        try:
            client.jobs("run")
        except CondorError as error:
            failed.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    client.interrupt()
    thread.join(10)
    assert len(failed) == 1
    with pytest.raises(CondorError, match="not asked any more"):
        client.jobs("run")
