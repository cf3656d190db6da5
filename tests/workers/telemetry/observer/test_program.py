"""The observer as its users start it."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.telemetry.listening import PASSWORD, listening
from tests.workers.telemetry.observer.packets import A, B
from tests.workers.telemetry.observer.wire import PATIENCE_SECONDS, Namespace, Wire

ROOT = Path(__file__).parents[4]
PROGRAM = [sys.executable, "-m", "workers.telemetry.observer"]
NOTHING_BUT_RAW = [
    "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs",
    "--inh-caps=-all,+net_raw", "--ambient-caps=-all,+net_raw", "--bounding-set=-all,+net_raw",
]  # fmt: skip


class Lines:
    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def next(self, kind: str, **wanted: Any) -> dict[str, Any]:
        """The next line of that kind with these values. The program's end ends it, too."""
        assert self._process.stdout
        for line in self._process.stdout:
            found: dict[str, Any] = json.loads(line)
            if found["kind"] == kind and wanted.items() <= found.items():
                return found
        raise AssertionError("it ended")


@contextmanager
def observing(where: Namespace, *options: str, prefix: tuple[str, ...] = ()) -> Iterator[Lines]:
    """Ready; ended by SIGTERM, in good order."""
    process = subprocess.Popen(
        where.command(*prefix, *PROGRAM, *options), cwd=ROOT, stdout=subprocess.PIPE
    )
    # What does not come ends the program, and so the wait for its lines.
    watchdog = threading.Timer(2 * PATIENCE_SECONDS, process.kill)
    watchdog.start()
    try:
        lines = Lines(process)
        lines.next("ready")
        yield lines
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 0
    finally:
        watchdog.cancel()
        process.kill()
        process.communicate()
        watchdog.join()


def ask(wire: Wire) -> None:
    """``a`` asks once, and ``b`` answers and ends the connection."""
    at_a, at_b = wire.connected()
    at_a.sendall(b"q" * 300)
    assert len(at_b.recv(1000)) == 300
    at_b.sendall(b"answer")
    assert at_a.recv(100) == b"answer"
    at_b.close()
    assert at_a.recv(100) == b""


def test_requests_are_told_with_their_worker_and_it_ends_when_told() -> None:
    options = ("--interface", "pb", "--worker", f"w1={B}", "--window", "0.2", "--busiest", "2")
    with Wire() as wire, observing(wire.middle, *options) as lines:
        ask(wire)
        request = lines.next("request", worker="w1")
        assert request["request_bytes"] == 300
        assert request["answer_bytes"] == 6
        flow = lines.next("flow")
        assert {flow["from"].split(":")[0], flow["to"].split(":")[0]} == {A, B}
        assert lines.next("observer")["dropped"] == 0
        window = lines.next("window", worker="w1")
        assert ["requests.per_second", "", 0.0] in window["readings"]


def test_several_ports_of_a_bridge_see_each_packet_once(tmp_path: Path) -> None:
    output = tmp_path / "lines"
    options = ("--interface", "pa", "--interface", "pb", "--worker", f"w1={A}", "--window", "0.2")
    named = (*options, "--worker", f"w2={B}", "--busiest", "2")
    with Wire() as wire, observing(wire.middle, *named) as lines:
        ask(wire)
        seen = [lines.next("flow"), lines.next("flow")]
        assert sorted(flow["payload"] for flow in seen) == [6, 300]
    refused = subprocess.run(
        [*PROGRAM, "--interface", "lo", "--interface", "lo", "--output", str(output)],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS,
    )  # fmt: skip
    assert (refused.returncode, "--worker" in refused.stderr) == (2, True)


def test_one_privilege_is_enough() -> None:
    if shutil.which("setpriv") is None:
        pytest.skip("no setpriv here")
    with Wire() as wire:
        tried = subprocess.run(
            [*NOTHING_BUT_RAW, *PROGRAM, "--help"], cwd=ROOT, capture_output=True, check=False
        )
        if tried.returncode:
            pytest.skip("nobody cannot read this checkout, or privileges cannot be set here")
        with observing(
            wire.middle, "--interface", "pb", "--window", "0.2", prefix=tuple(NOTHING_BUT_RAW)
        ) as lines:
            ask(wire)
            assert lines.next("request", worker="pb")["request_bytes"] == 300


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--interface", "nowhere9"), "No such device"),
        (("--interface", "lo", "--worker", "w1"), "NAME=ADDRESS"),
        (("--interface", "lo", "--rank", "tp=10.0.0.1"), "GROUP:NUMBER=ADDRESS"),
        (("--interface", "lo", "--line-rate", "lo=fast"), "BITS"),
        (("--interface", "lo", "--flows", "1"), "flows"),
    ],
)
def test_what_it_cannot_do_it_says(options: tuple[str, ...], word: str) -> None:
    ended = subprocess.run(
        [*PROGRAM, *options], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    if "CAP_NET_RAW" in ended.stderr:
        pytest.skip("no raw sockets here")
    assert ended.returncode == 2
    assert word in ended.stderr
    assert "Traceback" not in ended.stderr


def test_what_it_sees_reaches_the_manager(tmp_path: Path) -> None:
    (tmp_path / "password").write_bytes(PASSWORD)
    with Wire() as wire, listening() as here:
        to = "{}:{}".format(*here.endpoint.address)
        command = ["--interface", "lo", "--worker", "w1=127.0.0.1", "--window", "0.1", "--to", to]
        process = subprocess.Popen(
            [*PROGRAM, *command, "--password-file", str(tmp_path / "password")],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
        )
        try:
            worker, telemetry, _ = here.next()
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=PATIENCE_SECONDS)
    assert worker == "w1"
    assert {signal for signal, _, _ in telemetry.readings} & {"ingress.bytes_per_second"}
    assert wire
