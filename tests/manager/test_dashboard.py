"""A manager's dashboard: it costs nothing until somebody comes, and nothing that befalls it costs a
run."""

from __future__ import annotations

import http.client
import json
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

import pcm
from pcm.access import Address, DashboardNote, bind
from pcm.errors import InputError
from pcm.manager import dashboard as module
from pcm.manager.dashboard import Dashboard
from tests.manager.workloads import digest, expected, salt

PATIENCE_SECONDS = 30.0


def runs_shown(note: DashboardNote) -> list[dict[str, Any]]:
    line = http.client.HTTPConnection(note.host, note.port, timeout=PATIENCE_SECONDS)
    try:
        line.request("GET", "/api/runs", headers={"Authorization": f"Bearer {note.token}"})
        found: list[dict[str, Any]] = json.loads(line.getresponse().read())
        return found
    finally:
        line.close()


def act(note: DashboardNote, run: str, action: str, **more: str) -> tuple[int, dict[str, Any]]:
    line = http.client.HTTPConnection(note.host, note.port, timeout=PATIENCE_SECONDS)
    headers = {"Authorization": f"Bearer {note.token}", "X-PCM-Action": "1"}
    try:
        body = json.dumps({"action": action, **more})
        line.request("POST", f"/api/runs/{run}/actions", body, headers)
        answer = line.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        line.close()


def wait_for(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def dashboards() -> list[psutil.Process]:
    return [
        process
        for process in psutil.Process().children(recursive=True)
        if "pcm.dashboard" in process.cmdline()
    ]


def test_it_is_served_when_somebody_comes_and_gone_with_the_manager(tmp_path: Path) -> None:
    with pcm.Manager(workers=1, dashboard=True) as manager:
        run = manager.map(digest, range(3), context=salt(), directory=tmp_path / "run")
        assert dashboards() == []
        note = DashboardNote.read(run.directory)
        assert note is not None
        assert manager.dashboard_url == note.url
        assert stat.S_IMODE((run.directory / "dashboard").stat().st_mode) == 0o600
        assert note.token not in " ".join(psutil.Process().cmdline())
        (shown,) = runs_shown(note)
        assert shown["directory"] == str(run.directory)
        assert len(dashboards()) == 1
        second = manager.map(digest, range(4), context=salt(), directory=tmp_path / "second").wait()
        wait_for(lambda: len(runs_shown(note)) == 2)
        assert {row.key: row.value for row in second} == expected(4)
    assert dashboards() == []
    assert DashboardNote.read(run.directory) is None


def test_one_that_is_killed_is_started_again_and_runs_do_not_notice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE_SECONDS", 0.0)
    with pcm.Manager(workers=1, dashboard=True) as manager:
        run = manager.map(digest, range(50), context=salt(), directory=tmp_path / "run")
        note = DashboardNote.read(run.directory)
        assert note is not None
        runs_shown(note)
        (first,) = dashboards()
        first.send_signal(signal.SIGKILL)
        first.wait(PATIENCE_SECONDS)
        assert len(runs_shown(note)) == 1
        assert dashboards() != [first]
        assert len(list(run)) == 50


def test_one_that_cannot_start_is_tried_less_and_less_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(Dashboard, "_is_woken", lambda _, seconds: pauses.append(seconds))
    dashboard = Dashboard(Address(), token_file=tmp_path / "token", module="pcm.no_such_module")
    line = http.client.HTTPConnection(*dashboard.address, timeout=PATIENCE_SECONDS)
    line.connect()
    wait_for(lambda: len(pauses) >= 3)
    line.close()
    dashboard.close()
    assert pauses[:3] == [1.0, 2.0, 4.0]
    assert "no_such_module" in caplog.text


def test_what_is_asked_for_by_the_page_is_done_and_seen(tmp_path: Path) -> None:
    with pcm.Manager(workers=1, dashboard=True) as manager:
        items = range(10_000)
        run = manager.map(
            digest.bind(seconds=0.01), items, context=salt(), directory=tmp_path / "run"
        )
        note = DashboardNote.read(run.directory)
        assert note is not None
        (head,) = runs_shown(note)
        assert head["can_act"]
        name = head["run"]
        assert act(note, name, "pause")[1]["done"]
        wait_for(lambda: runs_shown(note)[0]["state"] == "paused")
        assert act(note, name, "unpause")[1]["done"]
        wait_for(lambda: runs_shown(note)[0]["state"] == "running")
        status, answer = act(note, name, "drain", worker="nobody")
        assert status == 400 or not answer["done"]
        assert act(note, name, "cancel")[1]["done"]
        run.wait_settled()
        wait_for(lambda: runs_shown(note)[0]["state"] == "cancelled")
        status, answer = act(note, name, "retry_failed")
        assert status == 400
        assert "pcm resume" in answer["mend"]


PROGRAM = """
import http.client, os, signal, sys
from pathlib import Path
from pcm.access import Address
from pcm.manager.dashboard import Dashboard

dashboard = Dashboard(Address(), token_file=Path(sys.argv[1]))
line = http.client.HTTPConnection(*dashboard.address, timeout=30)
line.request("GET", "/")
line.getresponse().read()
print(dashboard._process.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_it_ends_when_the_manager_is_killed(tmp_path: Path) -> None:
    manager = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "token")],
        stdout=subprocess.PIPE,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert manager.returncode == -signal.SIGKILL
    pid = int(manager.stdout)
    wait_for(lambda: not psutil.pid_exists(pid) or _is_zombie(pid))


def _is_zombie(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_port_that_is_taken_is_said_before_anything_is_started() -> None:
    listener, address = bind(Address())
    with listener, pytest.raises(InputError, match="cannot listen"):
        pcm.Manager(workers=0, dashboard=address.port)
    with pytest.raises(InputError, match="is no address"):
        pcm.Manager(workers=0, dashboard="here")


def test_without_being_asked_it_does_not_listen() -> None:
    with pcm.Manager(workers=0) as manager:
        assert manager.dashboard_url is None


def test_an_address_that_others_can_reach_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    dashboard = Dashboard(Address("0.0.0.0"), token_file=tmp_path / "token")
    dashboard.close()
    assert "without encryption" in caplog.text
