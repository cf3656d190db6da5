from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pcm.errors import RunInUseError
from pcm.journal import Journal, owner
from pcm.journal.lock import LOCK_FILE, RunLock
from tests.journal.runs import items, manifest

HOLD = """
import sys
from pathlib import Path
from pcm.journal.lock import RunLock
lock = RunLock.acquire(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_manager_is_told_who_has_it(tmp_path: Path) -> None:
    with Journal.create(tmp_path / "run", manifest()) as journal:
        journal.add_items(items(1))
        journal.seal()
        me = rf"pid {os.getpid()} on host {re.escape(socket.gethostname())}"
        for begin in (lambda: Journal.open(tmp_path / "run"), lambda: create(tmp_path / "run")):
            with pytest.raises(RunInUseError, match=me):
                begin()
        found = owner(tmp_path / "run")
        assert found is not None
        assert found.pid == os.getpid()
    assert owner(tmp_path / "run") is None
    Journal.open(tmp_path / "run").close()


def create(directory: Path) -> Journal:
    return Journal.create(directory, manifest())


def test_the_lock_of_a_killed_manager_is_taken_over(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(RunInUseError, match=f"pid {other.pid} "):
            RunLock.acquire(tmp_path)
        other.send_signal(signal.SIGKILL)
    assert (tmp_path / LOCK_FILE).exists()
    assert owner(tmp_path) is None
    lock = RunLock.acquire(tmp_path)
    found = owner(tmp_path)
    assert found is not None
    assert found.pid == os.getpid()
    lock.release()
    lock.release()
    assert not (tmp_path / LOCK_FILE).exists()


def test_a_lock_file_that_says_nothing_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / LOCK_FILE).write_bytes(b"\xff not json")
    RunLock.acquire(tmp_path).release()
