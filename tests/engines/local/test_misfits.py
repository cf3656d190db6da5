"""Processes in the place of workers that do not say what a worker says."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest

from pcm.core.commands import Provision
from pcm.core.events import BatchDone, ProvisionFailed, WorkerJoined, WorkerLeft
from tests.engines.local import user_code
from tests.engines.local.driver import Driver
from workers.protocol import PROTOCOL_VERSION, Hello, Machine, encode

MISFIT = """#!{python} -S
import os, sys
fd = int(sys.argv[sys.argv.index("--fd") + 1])
os.write(fd, bytes.fromhex("{words}"))
os.read(fd, 1)
"""


def frame(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + body


def hello(protocol: int) -> bytes:
    return frame(encode([Hello("x", Machine("h", 1, 1, 1, "3"), 1, protocol)]))


def start_misfit(
    driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: bytes
) -> None:
    script = tmp_path / "misfit"
    script.write_text(MISFIT.format(python=sys.executable, words=words.hex()))
    script.chmod(0o700)
    with monkeypatch.context() as patch:
        patch.setattr("sys.executable", str(script))
        driver.order(Provision("local", 1, 0))


def test_another_protocol_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Driver() as driver:
        start_misfit(driver, tmp_path, monkeypatch, hello(PROTOCOL_VERSION + 1))
        assert f"it speaks protocol {PROTOCOL_VERSION + 1}" in driver.wait(ProvisionFailed).error
        left = driver.wait(WorkerLeft)
        assert left.cause == "refused"
        assert "install the same version of pcm on both sides" in left.detail


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (frame(b"no msgpack"), "not a frame of reports"),
        (frame(msgspec.msgpack.encode([["Unheard", 1]])), "not a frame of reports"),
        (b"\xff\xff\xff\xff", "a frame of 4294967295 bytes"),
    ],
)
def test_nonsense_ends_its_worker_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: bytes, told: str
) -> None:
    with Driver() as driver:
        good = driver.warm_worker()
        start_misfit(driver, tmp_path, monkeypatch, hello(PROTOCOL_VERSION) + words)
        left = driver.wait(WorkerLeft)
        assert left.cause == "refused"
        assert told in left.detail
        assert left.worker != good
        driver.open_run(user_code.echo, [1])
        driver.wait(BatchDone, batch=driver.dispatch(good, (0, 1)))


def test_a_worker_that_joined_and_left_its_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process lives on, but nobody can speak to it: it is ended."""
    monkeypatch.setattr("pcm.engines.local.engine.EXIT_PATIENCE_SECONDS", 0.1)
    code = MISFIT.replace("os.read(fd, 1)", "os.close(fd); import time; time.sleep(1000)")
    monkeypatch.setattr(sys.modules[__name__], "MISFIT", code)
    with Driver() as driver:
        start_misfit(driver, tmp_path, monkeypatch, hello(PROTOCOL_VERSION))
        driver.wait(WorkerJoined)
        left = driver.wait(WorkerLeft)
        assert (left.cause, left.detail) == ("lost", "killed by signal 9 (SIGKILL)")
