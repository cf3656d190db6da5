"""A Python environment that the engine takes to workers as an archive."""

from __future__ import annotations

import importlib.util
import shutil
import signal
import subprocess
import sys
import tarfile
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

import pcm
from pcm.core.commands import Load
from pcm.core.events import ReplicaChanged, WorkerJoined
from pcm.engines.base import Cargo, ContextCargo, Delivery, LogLine, TaskCargo
from pcm.manager.cargo import RunCargo
from pcm.packing import encode_item
from tests.cluster.engine_driving import DEADLINE_SECONDS, Drive, driving
from tests.cluster.needs import needs_taskvine
from tests.cluster.outside import launch

pytestmark = [pytest.mark.cluster, needs_taskvine]

PACKAGES = ("msgspec", "cloudpickle")
UNPACK = """
import sys
from pathlib import Path
with (Path(sys.prefix) / "unpacked").open("a") as log:
    log.write("once ")
"""


@pcm.context(imports=[])
def surroundings() -> dict[str, str]:
    """What a replica sees of the environment."""
    import only_there  # type: ignore[import-not-found]

    return {
        "prefix": sys.prefix,
        "module": only_there.__name__,
        "unpacked": (Path(sys.prefix) / "unpacked").read_text(),
    }


@pcm.task
def tell(found: dict[str, str], items: Sequence[Any]) -> list[Any]:
    return [found for _ in items]


class Surroundings(Cargo):
    def __init__(self) -> None:
        self._cargo = RunCargo.of(tell, surroundings())

    def context(self, context: str) -> ContextCargo:
        return self._cargo.context

    def task(self, run: str) -> TaskCargo:
        return self._cargo.task

    def items(self, run: str, ranges: object) -> list[bytes]:
        return [encode_item(1)]


def packed(tmp_path: Path, without: Sequence[str] = ()) -> Path:
    """As conda-pack makes it: the environment's folders at the top, and a script to be run once."""
    folder = tmp_path / "environment"
    venv.create(folder, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    for name in set(PACKAGES).difference(without):
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        shutil.copytree(Path(spec.origin).parent, packages / name)
    (packages / "only_there.py").touch()
    (folder / "bin" / "conda-unpack").write_text(UNPACK)
    path = tmp_path / "environment.tar.gz"
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for part in sorted(folder.iterdir()):
            archive.add(part, part.name)
    return path


def found_by(drive: Drive, worker: str) -> dict[str, str]:
    drive.engine.order(Load(worker, "salt", 0))
    drive.until(ReplicaChanged, lambda e: e.worker == worker and e.status == "warm")
    batch = drive.dispatch(worker)
    value = drive.until(Delivery, lambda d: d.batch == batch).results[0].value
    assert value is not None
    found: dict[str, str] = msgspec.msgpack.decode(value)
    return found


def end(launchers: list[subprocess.Popen[str]]) -> None:
    for launcher in launchers:
        launcher.send_signal(signal.SIGQUIT)
        launcher.communicate(timeout=DEADLINE_SECONDS)


def test_workers_run_in_it_and_pass_it_on(password: Path, tmp_path: Path) -> None:
    launchers = []
    with driving(
        Surroundings(),
        workers=0,
        password_file=password,
        environment=packed(tmp_path),
        logs=tmp_path / "logs",
        keep_logs=True,
    ) as drive:
        try:
            for _ in range(3):
                launchers.append(launch(drive.engine.port, password, "--once"))
                found = found_by(drive, drive.until(WorkerJoined).worker)
                assert found["prefix"] not in (sys.prefix, str(tmp_path / "environment"))
                assert found["module"] == "only_there"
                assert found["unpacked"] == "once "
        finally:
            end(launchers)
    (log,) = (tmp_path / "logs").glob("driver-*/run/vine-logs/transactions")
    sent_by_manager = [line for line in log.read_text().splitlines() if "INPUT input " in line]
    assert len(sent_by_manager) == 1


def test_one_without_our_packages_is_refused_with_the_reason(
    password: Path, tmp_path: Path
) -> None:
    archive = packed(tmp_path, without=PACKAGES)
    with driving(Surroundings(), workers=0, password_file=password, environment=archive) as drive:
        launcher = launch(drive.engine.port, password, "--once")
        drive.until(LogLine, lambda line: "left before it was ready" in line.text)
        output, _ = launcher.communicate(timeout=DEADLINE_SECONDS)
    assert launcher.returncode == 2
    assert "lacks a module" in output
    assert "msgspec" in output
