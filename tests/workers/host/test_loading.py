"""Loading a context in a real worker, and every way in which that fails."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.workers.host import user_code
from tests.workers.host.driver import DEADLINE_SECONDS, Worker, define, load, run
from workers.protocol import BatchEnd, Hello, LoadContext, ReplicaFault, ReplicaState


def test_the_first_word_is_what_the_worker_is(worker: Worker) -> None:
    (hello,) = worker.reports
    assert isinstance(hello, Hello)
    assert hello.worker == "w"
    assert hello.pid == worker.process.pid
    assert hello.machine.cores >= 1
    assert hello.machine.python == ".".join(map(str, sys.version_info[:3]))


def test_a_context_is_loaded_once_and_stays(worker: Worker) -> None:
    worker.send(load(user_code.process_id), define(user_code.the_context), run(1, [0]), run(2, [0]))
    loading = worker.wait(ReplicaState, status="loading")
    warm = worker.wait(ReplicaState, status="warm")
    assert warm.pid == loading.pid
    assert 0 < loading.seconds <= warm.seconds
    worker.wait(BatchEnd, batch=2)
    assert worker.results(1) == worker.results(2) == {0: warm.pid}
    worker.send(load(user_code.process_id))
    assert worker.wait(ReplicaState, status="warm").pid == warm.pid


def test_arguments_reach_the_loader_and_memory_is_measured(worker: Worker) -> None:
    worker.send(load(user_code.constant, b"x" * (30 << 20)))
    assert 20 << 20 < worker.wait(ReplicaState, status="warm").memory_bytes < 200 << 20


def test_modules_are_imported_before_the_fork(worker: Worker) -> None:
    def has_decimal() -> bool:
        return "decimal" in sys.modules

    worker.send(load(has_decimal, imports=["decimal"]), define(user_code.the_context), run(1, [0]))
    worker.wait(BatchEnd)
    assert worker.results(1) == {0: True}


def test_a_module_that_may_be_missing(modules: Path, worker: Worker) -> None:
    (modules / "needs_another.py").write_text("import no_such_module\n")
    (modules / "raises.py").write_text("raise OSError('no driver')\n")
    names = ["no_such_module?", "no_such.module?", "needs_another?", "raises?", "decimal?"]
    worker.send(load(user_code.constant, 5, imports=names))
    worker.wait(ReplicaState, status="warm")


def test_a_replica_lives_apart(worker: Worker) -> None:
    """Its own session, its own log, the default signals, and nobody else's descriptors."""

    def surroundings() -> dict[str, Any]:
        print("loading now")
        return {
            "leads": os.getsid(0) == os.getpid() == os.getpgrp(),
            "signals": [
                signal.getsignal(n) is signal.SIG_DFL for n in (signal.SIGTERM, signal.SIGCHLD)
            ],
            "files": len(os.listdir("/proc/self/fd")),
            "random": __import__("random").random(),
        }

    worker.send(load(surroundings, context="a"), load(surroundings, context="b"))
    worker.send(define(user_code.the_context), run(1, [0], "a"), run(2, [0], "b"))
    worker.wait(BatchEnd)
    worker.wait(BatchEnd)
    one, other = worker.results(1)[0], worker.results(2)[0]
    assert one["leads"]
    assert one["signals"] == [True, True]
    assert one["random"] != other["random"]
    assert one["files"] <= 5  # three standard streams, the link, the directory listing
    logs = [path.read_text() for path in worker.scratch.glob("w-surroundings-*.log")]
    assert logs == ["loading now\n"] * 2


def test_the_probe_decides_whether_it_is_ready(worker: Worker) -> None:
    worker.send(load(user_code.constant, 5, probe=lambda context: context == 5))
    worker.wait(ReplicaState, status="warm")
    worker.send(load(user_code.constant, 6, context="bad", probe=lambda context: context == 5))
    fault = worker.wait(ReplicaFault)
    assert fault.context == "bad"
    assert "probe returned False" in fault.error.message


def test_a_loader_that_raises_is_reported_with_its_own_words(worker: Worker) -> None:
    worker.send(load(user_code.failing), define(user_code.echo), run(1, [0]))
    fault = worker.wait(ReplicaFault)
    assert fault.kind == "loader_error"
    assert (fault.error.type, fault.error.message) == ("FileNotFoundError", "no weights here")
    lines = fault.error.traceback.splitlines()
    assert "user_code.py" in lines[1]
    assert "in failing" in lines[1]
    assert "about to read the weights" in fault.error.log_tail
    end = worker.wait(BatchEnd)
    assert (end.outcome, end.started) == ("replica_died", False)
    worker.send(load(user_code.constant, 1))
    worker.wait(ReplicaState, status="warm")


@pytest.mark.parametrize(
    ("loader", "words"),
    [
        (user_code.ending, "exit code 7"),
        (lambda code: os.kill(os.getpid(), signal.SIGSEGV), r"killed by signal 11 \(SIGSEGV\)"),
        (sys.exit, "SystemExit: 7"),
    ],
    ids=["exit", "crash", "SystemExit"],
)
def test_a_loader_that_ends_its_process(worker: Worker, loader: Any, words: str) -> None:
    worker.send(load(loader, 7))
    fault = worker.wait(ReplicaFault)
    with pytest.raises(RuntimeError, match=words):
        raise RuntimeError(f"{fault.error}")


def test_a_crash_leaves_its_python_stack_in_the_log(worker: Worker) -> None:
    worker.send(load(lambda: os.kill(os.getpid(), signal.SIGSEGV)))
    assert "Fatal Python error: Segmentation fault" in worker.wait(ReplicaFault).error.log_tail


def test_a_payload_that_cannot_be_unpacked(worker: Worker) -> None:
    worker.send(LoadContext("c", "broken", b"no pickle"))
    fault = worker.wait(ReplicaFault)
    assert (fault.kind, fault.error.type) == ("loader_error", "_pickle.UnpicklingError")


def test_a_module_that_cannot_be_imported(worker: Worker) -> None:
    worker.send(load(user_code.constant, imports=["json", "no_such_module"]))
    fault = worker.wait(ReplicaFault)
    assert fault.kind == "loader_error"
    assert str(fault.error) == "ModuleNotFoundError: No module named 'no_such_module'"
    worker.send(load(user_code.constant))
    worker.wait(ReplicaState, status="warm")


def test_an_import_that_raises_shows_the_line(modules: Path, worker: Worker) -> None:
    (modules / "raises_at_import.py").write_text("x = 1\nraise OSError('no driver')\n")
    worker.send(load(user_code.constant, imports=["raises_at_import"]))
    error = worker.wait(ReplicaFault).error
    assert str(error) == "OSError: no driver"
    assert 'raises_at_import.py", line 2' in error.traceback.splitlines()[1]


def test_an_import_that_ends_the_template(modules: Path, worker: Worker) -> None:
    """It is tried twice; then the context has failed, and others are not harmed."""
    (modules / "ends_at_import.py").write_text("import os\nos._exit(9)\n")
    worker.send(load(user_code.constant, context="a", imports=["ends_at_import"]))
    worker.send(load(user_code.constant, context="b"))
    fault = worker.wait(ReplicaFault, context="a")
    assert "ended while importing: exit code 9" in fault.error.message
    worker.wait(ReplicaState, context="b", status="warm")


def test_a_loader_that_hangs_shows_where(worker: Worker) -> None:
    worker.send(load(user_code.hanging, timeout_seconds=0.5), define(user_code.echo), run(1, [0]))
    pid = worker.wait(ReplicaState, status="loading").pid
    fault = worker.wait(ReplicaFault)
    assert fault.kind == "load_timeout"
    assert fault.error.message == "not ready after 0.5 s: its loader took too long"
    assert "in wait_for_ever" in fault.error.traceback
    assert "in hanging" in fault.error.traceback
    assert not worker.wait(BatchEnd).started
    assert gone(pid)


def test_an_import_that_hangs_shows_where(modules: Path, worker: Worker) -> None:
    (modules / "hangs_at_import.py").write_text("import time\ntime.sleep(1000)\n")
    worker.send(
        load(user_code.constant, context="a", imports=["hangs_at_import"], timeout_seconds=0.5)
    )
    worker.send(load(user_code.constant, context="b"))
    fault = worker.wait(ReplicaFault, context="a")
    assert fault.kind == "load_timeout"
    assert "importing hangs_at_import took too long" in fault.error.message
    assert 'hangs_at_import.py", line 2' in fault.error.traceback
    worker.wait(ReplicaState, context="b", status="warm")


def test_a_template_that_is_killed_is_started_again(worker: Worker) -> None:
    worker.send(load(user_code.constant), define(user_code.obey), run(1, [1, "wait"]))
    worker.wait(ReplicaState, status="warm")
    worker.wait_results(1, 1)
    (template,) = psutil.Process(worker.process.pid).children()
    os.kill(template.pid, signal.SIGKILL)
    assert worker.wait(BatchEnd).outcome == "replica_died"
    assert worker.wait(ReplicaFault).kind == "died"
    worker.send(load(user_code.constant), run(2, [5]))
    worker.wait(BatchEnd, batch=2, outcome="done")
    assert worker.results(2) == {0: 5}


def gone(pid: int) -> bool:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.005)
    return False
