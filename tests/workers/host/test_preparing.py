"""Modules that are imported before anyone asks for a replica."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import msgspec
import pytest

from tests.workers.host import user_code
from tests.workers.host.driver import Worker, define, load, load_missing, run
from workers.protocol import BatchEnd, DropContext, ReplicaFault, ReplicaState


def has_decimal() -> bool:
    return "decimal" in sys.modules


def check_decimal(worker: Worker) -> None:
    worker.send(load(has_decimal, context="other"), define(user_code.the_context))
    worker.send(run(1, [0], "other"))
    worker.wait(BatchEnd, batch=1, outcome="done")
    assert worker.results(1) == {0: True}


def test_a_worker_is_told_at_its_start(tmp_path: Path) -> None:
    with Worker(tmp_path, "--imports", "no_such_module?,decimal") as worker:
        check_decimal(worker)


@pytest.mark.parametrize("tier", ["disk", "gpu"])
def test_while_files_are_awaited(worker: Worker, tier: str) -> None:
    order = load_missing("a")
    worker.send(msgspec.structs.replace(order, imports=("decimal",), tier=tier))
    check_decimal(worker)
    worker.send(DropContext("a"))
    worker.wait(ReplicaState, context="a", status="absent")


def test_while_another_ends(worker: Worker) -> None:
    worker.send(load(user_code.constant, context="a"))
    worker.wait(ReplicaState, context="a", status="warm")
    worker.send(DropContext("a"), load(user_code.constant, context="b", imports=["decimal"]))
    worker.wait(ReplicaState, context="b", status="warm")
    check_decimal(worker)


def test_what_cannot_be_imported_is_told_to_who_needs_it(modules: Path, tmp_path: Path) -> None:
    (modules / "raises_at_import.py").write_text("raise OSError('no driver')\n")
    with Worker(tmp_path, "--imports", "raises_at_import") as worker:
        worker.send(load(user_code.constant, context="a", imports=["raises_at_import"]))
        assert str(worker.wait(ReplicaFault, context="a").error) == "OSError: no driver"
        worker.send(load(user_code.constant, context="b"))
        worker.wait(ReplicaState, context="b", status="warm")


def test_what_ends_the_template_harms_nobody(modules: Path, tmp_path: Path) -> None:
    (modules / "ends_at_import.py").write_text("import os\nos._exit(9)\n")
    with Worker(tmp_path, "--imports", "ends_at_import") as worker:
        worker.send(load(user_code.constant))
        worker.wait(ReplicaState, status="warm")


def test_what_hangs_is_ended_when_a_replica_has_waited_too_long(
    modules: Path, tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    (modules / "hangs_at_import.py").write_text(
        f"import pathlib, time; pathlib.Path({str(begun)!r}).touch()\ntime.sleep(1000)\n"
    )
    with Worker(tmp_path, "--imports", "hangs_at_import") as worker:
        deadline = time.monotonic() + 60.0
        while not begun.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        worker.send(load(user_code.constant, context="a", timeout_seconds=0.5))
        fault = worker.wait(ReplicaFault, context="a")
        assert "importing what other contexts need took too long" in fault.error.message
        assert 'hangs_at_import.py", line 2' in fault.error.traceback
        worker.send(load(user_code.constant, context="b"))
        worker.wait(ReplicaState, context="b", status="warm")
