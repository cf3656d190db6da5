"""TaskVine's manager as the driver needs it: never waiting by itself, never losing a call.

TaskVine does everything inside ``vine_wait``, which takes whole seconds and returns only for a task
that is done. A *probe*, a task whose end time is past, makes it return after one pass over all that
is ready: what workers sent, what is to be dispatched, who wants to join. So the driver can wait on
TaskVine's own sockets (``sockets``) together with others, and call ``turn`` when one is ready:
reaction takes a fraction of a millisecond, and nothing is polled.

That is built on ``vine_wait_internal`` in taskvine/src/manager/vine_manager.c; what depends on the
version is in ``guards.py``.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import stat
import warnings
from pathlib import Path
from typing import Any, NamedTuple

from pcm.engines.taskvine import guards
from pcm.engines.taskvine.kit import NAME as KIT_NAME
from workers import carriage

with warnings.catch_warnings(action="ignore"):  # It warns that Dask is not installed.
    from ndcctools import taskvine
    from ndcctools.taskvine import cvine

LIBRARY_COMMAND = f'exec "${{PCM_PYTHON:-python3}}" {KIT_NAME}'
"""``exec``: vine_worker must be the library's parent, not a shell between them."""

KEEPALIVE_INTERVAL_SECONDS = 30
KEEPALIVE_TIMEOUT_SECONDS = 60
"""For a vine_worker that is stopped for good. A machine that has vanished is noticed by the
kernel's keepalives, which cost neither side a message (see ``keepalive.py``)."""
TRANSFER_PATIENCE_SECONDS = 15
"""How long one worker may hold up all others when it does not take or give what it should."""

TUNING = {
    # One pass dispatches all that can be, and looks at everything else.
    "prefer-dispatch": 1,
    "max-retrievals": -1,
    "max-new-workers": 100,
    # Ready calls are looked at so many at a time; they are few, since all that is not for a
    # connected worker waits in the core. In 7.14 each pass costs time in proportion to it.
    "attempt-schedule-depth": 1000,
    "transient-error-interval": 1,
    "keepalive-interval": KEEPALIVE_INTERVAL_SECONDS,
    "keepalive-timeout": KEEPALIVE_TIMEOUT_SECONDS,
    "min-transfer-timeout": TRANSFER_PATIENCE_SECONDS,
    "wait-for-workers": 0,
}

WAIT_SECONDS = 2
"""Given to vine_wait, which rounds down; a probe ends it at once."""
NUDGE_SECONDS = 0.00005
"""TaskVine sleeps in poll(2) at the start of a pass if the one before found nothing to do; a signal
that comes so soon, and again, ends that sleep."""


class Done(NamedTuple):
    """A task that came back."""

    task: int
    output: bytes
    result: str
    """``ok``, or what went wrong."""


class Vine:
    """One manager of TaskVine. All calls from one thread."""

    def __init__(
        self,
        directory: Path,
        *,
        port: int,
        password_file: Path,
        ssl: bool | tuple[str, str],
        kit: Path,
        keep_logs: bool = False,
    ) -> None:
        """``directory`` is private to it. Raises OSError if the port is taken."""
        self.version: str = cvine.vine_version_string()
        before = _descriptors()
        try:
            self._manager = taskvine.Manager(
                port=port,
                ssl=ssl,
                run_info_path=str(directory),
                # At most 19 characters: TaskVine formats it into a buffer of that size.
                run_info_template="run",
            )
        except Exception as error:
            raise OSError(f"TaskVine's manager does not start on port {port}: {error}") from error
        self._queue = self._manager._taskvine
        self.port: int = self._manager.port
        if not keep_logs:
            guards.silence_logs(_descriptors() - before, directory)
        self._manager.set_password_file(str(password_file))
        for name, value in TUNING.items():
            self._manager.tune(name, value)
        self._kit = cvine.vine_declare_file(self._queue, str(kit), cvine.VINE_CACHE_LEVEL_WORKER, 0)
        self._stats = cvine.vine_stats()
        self._install()
        self._probe = 0
        self._tasks: dict[int, Any] = {}
        self._files: dict[int, tuple[Any, Path]] = {}
        self._staging = directory / "frames"
        self._staging.mkdir(mode=0o700)
        self._anchor()
        signal.signal(signal.SIGALRM, _ignore)

    # -- calls -----------------------------------------------------------------------------------

    def submit(self, worker: str, frame: bytes) -> int:
        """A call for a worker, or, without a frame, a call for events; gives its number."""
        file: tuple[Any, Path] | None = None
        if not frame:
            command = carriage.EVENTS
        elif len(frame) <= carriage.INLINE_BYTES:
            command = carriage.command(frame)
        else:
            command, file = carriage.FILE_COMMAND, self._stage(frame)
        return self._submit(worker, command, file)

    def _stage(self, frame: bytes) -> tuple[Any, Path]:
        path = self._staging / os.urandom(8).hex()
        with path.open("xb") as staged:
            staged.write(frame)
        declared = cvine.vine_declare_file(
            self._queue, str(path), cvine.VINE_CACHE_LEVEL_TASK, cvine.VINE_PEER_NOSHARE
        )
        return declared, path

    def _submit(self, worker: str, command: str, file: tuple[Any, Path] | None) -> int:
        task = cvine.vine_task_create(command)
        cvine.vine_task_set_library_required(task, carriage.LIBRARY)
        cvine.vine_task_add_feature(task, carriage.pin(worker))
        cvine.vine_task_set_category(task, "pcm-call")
        # A call that fails is not tried again by TaskVine: the worker is given up.
        cvine.vine_task_set_retries(task, 1)
        cvine.vine_task_set_max_forsaken(task, 1)
        if file is not None:
            cvine.vine_task_add_input(task, file[0], carriage.INPUT_FILE, 0)
        number: int = cvine.vine_submit(self._queue, task)
        self._tasks[number] = task
        if file is not None:
            self._files[number] = file
        return number

    def is_ready(self, number: int) -> bool:
        """Whether TaskVine says that the call waits to be dispatched."""
        state: str = cvine.vine_task_get_state(self._tasks[number])
        return state == "READY"

    def submit_again(self, number: int, worker: str) -> int:
        """The same call anew; the old one will be ``Done`` as cancelled."""
        command = cvine.vine_task_get_command(self._tasks[number])
        file = self._files.pop(number, None)
        self.cancel(number)
        return self._submit(worker, command, file)

    def cancel(self, number: int) -> None:
        """For calls of workers that are gone, or that never ran: in 7.14 cancelling one that runs
        costs its worker a slot for ever."""
        cvine.vine_cancel_by_task_id(self._queue, number)

    # -- a turn ----------------------------------------------------------------------------------

    def turn(self) -> list[Done]:
        """One pass over everything that is ready; what came back in it."""
        if not self._probe:
            self._probe = self._submit_probe()
        # Again and again, since the first may come before poll(2) is reached.
        signal.setitimer(signal.ITIMER_REAL, NUDGE_SECONDS, 20 * NUDGE_SECONDS)
        try:
            task = cvine.vine_wait(self._queue, WAIT_SECONDS)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
        done = []
        while task is not None:
            number: int = cvine.vine_task_get_id(task)
            if number == self._probe:
                self._probe = 0
            elif number in self._tasks:
                done.append(self._take(number, task))
            cvine.vine_task_delete(task)
            task = cvine.vine_wait(self._queue, 0)
        return done

    def _submit_probe(self) -> int:
        probe = cvine.vine_task_create("probe")
        cvine.vine_task_set_category(probe, "pcm-probe")
        cvine.vine_task_set_time_end(probe, 1)
        number: int = cvine.vine_submit(self._queue, probe)
        return number

    def _anchor(self) -> None:
        """A task that can never run, for versions whose pass would else end too early."""
        if guards.needs_anchor(self.version):
            anchor = cvine.vine_task_create("anchor")
            cvine.vine_task_add_feature(anchor, "pcm-nowhere")
            cvine.vine_submit(self._queue, anchor)

    def _take(self, number: int, task: Any) -> Done:
        del self._tasks[number]
        file = self._files.pop(number, None)
        if file is not None:
            cvine.vine_undeclare_file(self._queue, file[0])
            file[1].unlink(missing_ok=True)
        result: int = cvine.vine_task_get_result(task)
        if result != cvine.VINE_RESULT_SUCCESS:
            return Done(number, b"", cvine.vine_result_string(result))
        code: int = cvine.vine_task_get_exit_code(task)
        if code != 0:
            return Done(number, b"", f"exit code {code}")
        output: str = cvine.vine_task_get_stdout(task) or ""
        return Done(number, output.encode("ascii", "replace"), "ok")

    # -- workers ---------------------------------------------------------------------------------

    def comings_and_goings(self) -> tuple[int, int]:
        """How many workers have joined and have left, ever."""
        cvine.vine_get_stats(self._queue, self._stats)
        return self._stats.workers_joined, self._stats.workers_removed

    def workers(self) -> list[dict[str, Any]]:
        """Those that are connected: ``arch``, ``hostname``, ``addrport``..."""
        found: list[dict[str, Any]] = json.loads(cvine.vine_get_status(self._queue, "workers"))
        return [worker for worker in found if worker]

    def kill_library(self, address: str) -> None:
        """End the library of the worker at this address (``addrport``), and with it the worker."""
        for task in json.loads(cvine.vine_get_status(self._queue, "tasks")):
            if task.get("provides_library") and task.get("addrport") == address:
                cvine.vine_cancel_by_task_id(self._queue, int(task["task_id"]))

    def mend(self) -> None:
        """Install the library again if TaskVine gave it up after failures on some workers."""
        if cvine.vine_manager_find_library_template(self._queue, carriage.LIBRARY) is None:
            self._install()

    def _install(self) -> None:
        # No resources: it takes the whole of every worker, so that there is one on each.
        library = cvine.vine_task_create(LIBRARY_COMMAND)
        cvine.vine_task_add_input(library, self._kit, KIT_NAME, 0)
        cvine.vine_task_set_function_slots(library, carriage.FUNCTION_SLOTS)
        cvine.vine_task_set_category(library, "pcm-library")
        cvine.vine_task_add_feature(library, carriage.WORKER_FEATURE)
        cvine.vine_manager_install_library(self._queue, library, carriage.LIBRARY)

    # -- the end ---------------------------------------------------------------------------------

    def close(self) -> None:
        """Let all workers go."""
        self._tasks.clear()
        self._manager._free()


def sockets(*others: int) -> set[int]:
    """Descriptors of all sockets that are open in this process, but for ``others``."""
    found = set()
    for descriptor in _descriptors().difference(others):
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                found.add(descriptor)
    return found


def _descriptors() -> set[int]:
    return {int(name) for name in os.listdir("/proc/self/fd")}


def _ignore(number: int, frame: object) -> None:
    """Only to interrupt a system call."""
