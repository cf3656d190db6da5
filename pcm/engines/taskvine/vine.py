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
import time
from pathlib import Path
from typing import Any, NamedTuple

from pcm.engines.staging import PEER_STREAMS
from pcm.engines.taskvine import environment, guards
from pcm.engines.taskvine.bindings import cvine, taskvine
from pcm.engines.taskvine.kit import NAME as KIT_NAME
from pcm.engines.taskvine.temporary import Temporaries, Temporary
from workers import carriage

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
    # Ready calls are looked at so many at a time; among more a turn finds no end. They are those
    # of workers that are lost at the same time; all else waits in the core. In 7.14 a pass costs
    # time in proportion to it while any call is ready.
    "attempt-schedule-depth": 4000,
    "transient-error-interval": 1,
    "keepalive-interval": KEEPALIVE_INTERVAL_SECONDS,
    "keepalive-timeout": KEEPALIVE_TIMEOUT_SECONDS,
    "min-transfer-timeout": TRANSFER_PATIENCE_SECONDS,
    "wait-for-workers": 0,
}

WAIT_SECONDS = 2
"""Given to vine_wait, which rounds down; a probe ends it at once."""
PROBES = 2
"""TaskVine takes the first from its list before it knows whether to return: if it has just
dispatched something while another task could not be, it goes on, and forgets to return it until
there is one more."""
NEVER_MICROSECONDS = 1 << 62
"""A time of day that does not come."""
NUDGE_SECONDS = 0.00005
"""TaskVine sleeps in poll(2) at the start of a pass if the one before found nothing to do; a signal
that comes so soon, and again, ends that sleep."""


PUBLISH_SECONDS = 300
"""A call that publishes a file is dropped after so long if it could not be begun."""


class Parcel(NamedTuple):
    """A file that goes with a call."""

    name: str
    """In its sandbox."""
    file: Any
    path: Path | None = None
    """Of the file beside the manager, which is deleted with the call."""
    temporary: Temporary | None = None
    is_output: bool = False


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
        archive: Path | None = None,
        transfers_per_source: int = PEER_STREAMS,
        keep_logs: bool = False,
    ) -> None:
        """``directory`` is private to it; ``archive`` holds the Python environment for workers, if
        it is not their launchers' own. Raises OSError if the port is taken."""
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
        tuning = TUNING | {"worker-source-max-transfers": transfers_per_source}
        for name, value in tuning.items():
            self._manager.tune(name, value)
        shared = 0 if guards.can_pass_kit_on(self.version) else cvine.VINE_PEER_NOSHARE
        self._kit = cvine.vine_declare_file(
            self._queue, str(kit), cvine.VINE_CACHE_LEVEL_WORKER, shared
        )
        self._environment = (
            None if archive is None else environment.Environment(self._queue, archive)
        )
        self._equipped: set[str] = set()
        """Workers with a call that took the environment there."""
        self._stats = cvine.vine_stats()
        self._install()
        self._probes: set[int] = set()
        self._tasks: dict[int, Any] = {}
        self._parcels: dict[int, Parcel] = {}
        self._temporaries = Temporaries(self._queue)
        self._staging = directory / "frames"
        self._staging.mkdir(mode=0o700)
        self._anchor()
        signal.signal(signal.SIGALRM, _ignore)
        # Only poll(2) is to be interrupted, which always is (signal(7)): OpenSSL takes an
        # interrupted read for the end of a handshake, and the worker would be turned away.
        signal.siginterrupt(signal.SIGALRM, False)

    # -- calls -----------------------------------------------------------------------------------

    def submit(self, worker: str, frame: bytes) -> int:
        """A call for a worker, or, without a frame, a call for events; gives its number."""
        if not frame:
            return self._submit(worker, carriage.EVENTS, None)
        if len(frame) <= carriage.INLINE_BYTES:
            return self._submit(worker, carriage.command(frame), None)
        parcel = self._pack(carriage.INPUT_FILE, frame)
        return self._submit(worker, carriage.FILE_COMMAND, parcel)

    def send_piece(self, worker: str, call: carriage.Staging, piece: bytes) -> int:
        """A call that brings what is next of a file."""
        return self._submit(worker, call.command(), self._pack(carriage.STAGED_FILE, piece))

    def publish(self, worker: str, call: carriage.Staging) -> int:
        """A call that has the worker give a file to TaskVine, for others to ``fetch``."""
        temporary = self._temporaries.declare(call.digest)
        parcel = Parcel(carriage.STAGED_FILE, temporary.file, temporary=temporary, is_output=True)
        return self._submit(worker, call.command(), parcel)

    def fetch(self, worker: str, call: carriage.Staging) -> int | None:
        """A call that has the worker fetch a file; None if it is not published."""
        temporary = self._temporaries.get(call.digest)
        if temporary is None:
            return None
        parcel = Parcel(carriage.STAGED_FILE, temporary.file, temporary=temporary)
        return self._submit(worker, call.command(), parcel)

    def forget(self, digest: str) -> list[int]:
        """What was published of a file; gives the calls that will never be made."""
        waiting = [n for n in self._temporaries.forget(digest) if self.is_ready(n)]
        for number in waiting:
            self.cancel(number)
        return waiting

    def _pack(self, name: str, content: bytes) -> Parcel:
        path = self._staging / os.urandom(8).hex()
        with path.open("xb") as staged:
            staged.write(content)
        declared = cvine.vine_declare_file(
            self._queue, str(path), cvine.VINE_CACHE_LEVEL_TASK, cvine.VINE_PEER_NOSHARE
        )
        return Parcel(name, declared, path)

    def _submit(self, worker: str, command: str, parcel: Parcel | None) -> int:
        task = cvine.vine_task_create(command)
        cvine.vine_task_set_library_required(task, carriage.LIBRARY)
        cvine.vine_task_add_feature(task, carriage.pin(worker))
        cvine.vine_task_set_category(task, "pcm-call")
        # A call that fails is not tried again by TaskVine: the worker is given up.
        cvine.vine_task_set_retries(task, 1)
        cvine.vine_task_set_max_forsaken(task, 1)
        if parcel is not None:
            self._add(task, parcel)
        if self._environment is not None and worker not in self._equipped:
            self._equipped.add(worker)
            self._environment.add_to(task)
        number: int = cvine.vine_submit(self._queue, task)
        self._tasks[number] = task
        if parcel is not None:
            self._parcels[number] = parcel
            if parcel.temporary is not None:
                parcel.temporary.used_by(number)
        return number

    def _add(self, task: Any, parcel: Parcel) -> None:
        if parcel.name == carriage.STAGED_FILE:
            cvine.vine_task_set_max_forsaken(
                task, 0
            )  # What to do instead is not TaskVine's choice.
        if parcel.is_output:
            cvine.vine_task_add_output(task, parcel.file, parcel.name, 0)
            end = time.time() + PUBLISH_SECONDS
            cvine.vine_task_set_time_end(task, round(end * 1e6))
        else:
            cvine.vine_task_add_input(task, parcel.file, parcel.name, 0)

    def is_ready(self, number: int) -> bool:
        """Whether TaskVine says that the call waits to be dispatched."""
        state: str = cvine.vine_task_get_state(self._tasks[number])
        return state == "READY"

    def submit_again(self, number: int, worker: str) -> int:
        """The same call anew; the old one will be ``Done`` as cancelled."""
        command = cvine.vine_task_get_command(self._tasks[number])
        parcel = self._parcels.pop(number, None)
        self._equipped.discard(worker)  # This may be the call that was to equip it.
        self.cancel(number)
        again = self._submit(worker, command, parcel)
        if parcel is not None and parcel.temporary is not None:
            parcel.temporary.ended(number)
        return again

    def cancel(self, number: int) -> None:
        """For calls of workers that are gone, or that never ran: in 7.14 cancelling one that runs
        costs its worker a slot for ever."""
        cvine.vine_cancel_by_task_id(self._queue, number)

    # -- a turn ----------------------------------------------------------------------------------

    def turn(self) -> list[Done]:
        """One pass over everything that is ready; what came back in it."""
        while len(self._probes) < PROBES:
            self._probes.add(self._submit_probe())
        # Again and again, since the first may come before poll(2) is reached.
        signal.setitimer(signal.ITIMER_REAL, NUDGE_SECONDS, 20 * NUDGE_SECONDS)
        try:
            task = cvine.vine_wait(self._queue, WAIT_SECONDS)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
        done = []
        while task is not None:
            number: int = cvine.vine_task_get_id(task)
            if number in self._probes:
                self._probes.discard(number)
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
            cvine.vine_task_set_time_start(anchor, NEVER_MICROSECONDS)
            cvine.vine_submit(self._queue, anchor)

    def _take(self, number: int, task: Any) -> Done:
        del self._tasks[number]
        self._unpack(number)
        result: int = cvine.vine_task_get_result(task)
        if result != cvine.VINE_RESULT_SUCCESS:
            return Done(number, b"", cvine.vine_result_string(result))
        code: int = cvine.vine_task_get_exit_code(task)
        if code != 0:
            return Done(number, b"", f"exit code {code}")
        output: str = cvine.vine_task_get_stdout(task) or ""
        return Done(number, output.encode("ascii", "replace"), "ok")

    def _unpack(self, number: int) -> None:
        parcel = self._parcels.pop(number, None)
        if parcel is None:
            return
        if parcel.temporary is not None:
            parcel.temporary.ended(number)
        if parcel.path is not None:
            cvine.vine_undeclare_file(self._queue, parcel.file)
            parcel.path.unlink(missing_ok=True)

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
        if self._environment is None:
            library = cvine.vine_task_create(LIBRARY_COMMAND)
        else:
            library = cvine.vine_task_create(environment.command(KIT_NAME))
            self._environment.add_to(library)
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
