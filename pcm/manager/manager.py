"""The manager: the core, an engine and journals, in one process that the user starts."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import weakref
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

from pcm.control import note
from pcm.core.events import PoolSized
from pcm.core.scheduler import Scheduler
from pcm.core.views import WorkerView
from pcm.engines import make_engine
from pcm.engines.base import Engine
from pcm.engines.invitation import Invitation
from pcm.errors import InputError
from pcm.formats import Jsonl, Output
from pcm.manager.actions import Actions
from pcm.manager.active import ActiveRun
from pcm.manager.control import ControlServer
from pcm.manager.dashboard import Dashboard, dashboard_of
from pcm.manager.listening import endpoint_of
from pcm.manager.loop import Loop
from pcm.manager.opening import (
    CostOf,
    KeyOf,
    OpenedRun,
    encoded,
    manifest_of,
    open_or_create,
    reopen,
)
from pcm.manager.outposts import Outposts
from pcm.manager.run import Run
from pcm.manager.single import SingleCalls
from pcm.manager.skew import Skew
from pcm.packing import encode_item
from pcm.recipe import Recipe, Task
from pcm.telemetry.monitor import SkewView

if TYPE_CHECKING:
    from condor import Glideins
    from condor.fleet import Status

TelemetryMode = Literal["off", "advisory", "closed-loop"]
DEFAULT_OUTPUTS: tuple[Output, ...] = (Jsonl("results.jsonl"),)


class Manager:
    """Maps tasks over items on workers that keep their contexts loaded.

    Args:
        engine: what carries batches to workers: ``"local"`` (processes on this machine),
            ``"taskvine"`` (TaskVine; workers may come and go), or an ``Engine`` of your own.
        workers: how many workers to keep; None lets the engine choose (the local one: one per
            GPU, or without GPUs one per eight cores, at least one).
        glideins: classes of HTCondor jobs to get workers from (``pcm.Glideins``), with the engine
            ``"taskvine"``; as many as pay for themselves, and ``workers`` (0) on this machine.
        home: a directory for what a manager with glideins needs to find them again after it was
            killed; HTCondor must be able to read it. None: a new one in the user's state directory.
        host: how the nodes of the pool reach this machine, if not by its full name.
        telemetry: whether to heed what workers read of their machines. ``"advisory"``: findings
            go into the event log of runs (``pcm skew``), and work to workers that are not slowed;
            ``"closed-loop"``: also replace workers that stay slow for a cause of their machine, and
            bring files one by one while a link is full; ``"off"``.
        telemetry_listen: where agents and observers beside the workers send what they see
            (``python -m workers.telemetry``): a port of this machine's own, or ``"ADDRESS:PORT"``.
        telemetry_password_file: what they must know; made if it is not there.
        dashboard: whether to serve the page and the API of its runs (docs/dashboard.md): True for
            any free port of this machine's own, a port, or ``"ADDRESS:PORT"``. A process of its own
            serves it, which is started when somebody comes.
        options: further options of the engine, by name (see its module).

    Use it as a context manager: leaving waits for its runs, or, if an exception is on its way,
    stops at once; a stopped run can be resumed from its directory.
    """

    def __init__(
        self,
        engine: str | Engine = "local",
        workers: int | None = None,
        *,
        glideins: Sequence[Glideins] = (),
        home: str | Path | None = None,
        host: str = "",
        telemetry: TelemetryMode = "advisory",
        telemetry_listen: str | int | None = None,
        telemetry_password_file: str | Path | None = None,
        dashboard: bool | int | str | Dashboard = False,
        **options: Any,
    ) -> None:
        if workers is not None and workers < 0:
            raise InputError(f"workers is {workers}", field="workers", mend="give 0 or more")
        if telemetry not in get_args(TelemetryMode):
            known = ", ".join(get_args(TelemetryMode))
            raise InputError(
                f"no mode {telemetry!r}", field="telemetry", mend=f"give one of {known}"
            )
        self._outposts: Outposts | None = None
        if glideins:
            self._outposts = Outposts(engine, glideins, home, host, options)
            engine = self._outposts.make_engine(workers)
        elif isinstance(engine, str):
            engine = make_engine(engine, workers=workers, **options)
        elif options:
            raise InputError(
                "goes with the name of an engine",
                field=next(iter(options)),
                mend="give it to the engine itself",
            )
        self.pool_size = engine.default_workers() if workers is None else workers
        self._scheduler = Scheduler(validate=bool(os.environ.get("PCM_VALIDATE")))
        self._telemetry = telemetry
        skew = None if telemetry == "off" else Skew(closed_loop=telemetry == "closed-loop")
        self._loop = Loop(engine, self._scheduler, skew)
        self._actions = Actions(self._loop)
        self._control = ControlServer(self._actions.asked)
        self._endpoint = endpoint_of(self._loop, telemetry_listen, telemetry_password_file)
        self._runs: weakref.WeakSet[Run] = weakref.WeakSet()
        self._single: dict[tuple[str, str], SingleCalls] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._dashboard: Dashboard | None = None
        try:
            self._dashboard = dashboard_of(dashboard)
            self._loop.start()
            if self._outposts is not None:
                self._outposts.open(self._loop)
            if self._endpoint is not None:
                self._endpoint.start()
        except BaseException:
            if self._endpoint is not None:
                self._endpoint.close()
            if self._outposts is not None:
                self._outposts.close()
            if self._dashboard is not None:
                self._dashboard.close()
            raise
        self._control.start()
        self.resize(self.pool_size)

    # -- runs ------------------------------------------------------------------------------------

    def map(
        self,
        task: Task,
        items: Iterable[Any],
        *,
        context: Recipe,
        key: KeyOf = None,
        directory: str | Path | None = None,
        batch: int | Literal["auto"] = "auto",
        cost: CostOf = None,
        outputs: Sequence[Output] = DEFAULT_OUTPUTS,
        name: str = "",
        failure_limit: int | None = 100,
    ) -> Run:
        """Run a task over all items; returns at once when the items are in the run's journal.

        Args:
            items: any iterable; read once, kept on disk.
            key: a field of every item, or a function of it; str or int, unique in the run. The
                position in ``items`` if None.
            directory: where the run lives. If it holds this very run already, the run is resumed;
                if it holds another, ChangedRunError says what differs. None: a temporary one.
            batch: how many items go to a worker at once; ``"auto"`` sizes batches by their cost.
            cost: relative expected work of an item (> 0), such as its length in tokens.
            outputs: files written when the run completes; none for a temporary directory.
            failure_limit: give up after so many failed items without one success; None: never.

        Raises InputError for bad input, before anything is started.
        """
        _check_map(task, context, batch)
        where, temporary = _directory_of(directory)
        options = {
            "retries": task.retries,
            "item_timeout_seconds": task.item_timeout_seconds,
            "batch_items": None if batch == "auto" else batch,
            "failure_limit": failure_limit,
            "telemetry": self._telemetry,
            **self._loop.engine.made_of,
        }
        manifest = manifest_of(
            task,
            context,
            name=name,
            key=key,
            outputs=[] if temporary else list(outputs),
            options=options,
        )
        try:
            opened = open_or_create(
                where,
                manifest,
                task,
                context,
                encoded(items, key, cost),
                hub_files=self._loop.engine.carries_files,
            )
        except BaseException:
            if temporary:
                shutil.rmtree(where, ignore_errors=True)
            raise
        run = self._work_on(opened)
        if temporary:
            weakref.finalize(run.handle, _remove, where, self._dashboard)
        return run.handle

    def resume(self, directory: str | Path, *, retry_failed: bool = False) -> Run:
        """Go on with a run from its directory alone: exactly its missing items are computed.

        ``retry_failed`` opens failed and quarantined items again. Raises InputError if the
        directory holds no run, RunInUseError if another manager works on it.
        """
        return self._work_on(reopen(Path(directory), retry_failed=retry_failed)).handle

    def submit(self, task: Task, item: Any, *, context: Recipe) -> Future[Any]:
        """Run a task on one item. The future gives its value, or raises ItemError."""
        payload = encode_item(item)
        pair = (task.identity.digest, context.identity.digest)
        with self._lock:
            calls = self._single.get(pair)
            if calls is None or calls.ended:
                calls = self._single[pair] = self._open_single(task, context)
        return calls.submit(payload)

    # -- workers ---------------------------------------------------------------------------------

    def resize(self, workers: int) -> None:
        """Keep so many workers from now on; also while runs go on."""
        if workers < 0:
            raise InputError(f"workers is {workers}", field="workers", mend="give 0 or more")
        self.pool_size = workers
        pool = self._loop.engine.pool
        self._loop.call(lambda: self._loop.tell(PoolSized(pool, workers)))

    def workers(self) -> list[WorkerView]:
        """The workers that are here now, with their replicas and what they are doing."""
        return self._loop.ask(self._scheduler.worker_views)

    def drain(self, worker: str) -> None:
        """Give a worker nothing more, and let it go when it has ended what it has. Another takes
        its place where the manager keeps a number of workers (``resize``), or where one of a class
        of glideins would pay for itself. Raises InputError if it is not here."""
        self._actions.drain_by_program(worker)

    def skew(self) -> SkewView:
        """Which workers are slow now, and what was found to slow them."""
        watch = self._loop.skew
        return SkewView() if watch is None else self._loop.ask(watch.monitor.view)

    @property
    def telemetry_address(self) -> tuple[str, int] | None:
        """Where agents beside the workers send what they see, if that was asked for."""
        return None if self._endpoint is None else self._endpoint.address

    @property
    def dashboard_url(self) -> str | None:
        """What a person opens in a browser, if there is a dashboard; a secret is in it."""
        return None if self._dashboard is None else self._dashboard.url

    def invitation(self) -> Invitation | None:
        """How workers from outside reach this manager: what is in every run's directory, too, for
        ``pcm worker``. None if its engine takes none."""
        return self._loop.engine.invitation()

    def glideins(self) -> list[Status]:
        """How the classes of glideins stand, in the order in which they were declared."""
        return [] if self._outposts is None else self._outposts.status()

    # -- life ------------------------------------------------------------------------------------

    def close(self, *, wait: bool = False) -> None:
        """Stop the workers. With ``wait``, runs are finished before; else they can be resumed."""
        if self._closed:
            return
        try:
            if wait:
                for run in list(self._runs):
                    run.wait_settled()
        finally:
            self._closed = True
            self._control.close()
            if self._endpoint is not None:
                self._endpoint.close()
            try:
                if self._outposts is not None:  # While there is somebody whom glideins can tell.
                    self._outposts.close()
            finally:
                self._loop.stop()
                if self._dashboard is not None:
                    self._dashboard.close()
            for calls in self._single.values():
                calls.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.close(wait=error is None)

    # -- inside ----------------------------------------------------------------------------------

    def _work_on(self, opened: OpenedRun, *, closed: bool = True) -> ActiveRun:
        loop = self._loop
        handle = Run(
            opened.directory,
            opened.manifest.name,
            cancel=lambda: loop.call(lambda: loop.cancel(run.id)),
            progress=lambda: loop.ask(lambda: loop.progress(run.id)),
            act=lambda action: self._actions.by_program(action, run.id),
        )
        run = ActiveRun(opened, handle, closed=closed)
        run.invite(loop.engine.invitation())  # not in the loop: it may ask a slow name service
        if closed:
            self._runs.add(handle)
            self._control.announce(opened.directory, run.id)
        try:
            loop.ask(lambda: loop.open(run))
        except Exception:
            run.invite(None)
            note.withdraw(opened.directory)
            opened.journal.close()
            raise
        except BaseException:  # an interrupt: the loop may have taken the journal already
            loop.call(lambda: loop.cancel(run.id))
            raise
        if closed and self._dashboard is not None:
            self._dashboard.show(opened.directory.absolute())
        return run

    def _open_single(self, task: Task, context: Recipe) -> SingleCalls:
        where, _ = _directory_of(None)
        manifest = manifest_of(
            task,
            context,
            name=task.name,
            key=None,
            outputs=[],
            options={"retries": task.retries, "item_timeout_seconds": task.item_timeout_seconds},
        )
        carries_files = self._loop.engine.carries_files
        opened = open_or_create(where, manifest, task, context, (), hub_files=carries_files)
        run = self._work_on(opened, closed=False)
        weakref.finalize(run.handle, shutil.rmtree, where, ignore_errors=True)
        return SingleCalls(self._loop, run)


def _directory_of(directory: str | Path | None) -> tuple[Path, bool]:
    if directory is not None:
        return Path(directory).absolute(), False
    return Path(tempfile.mkdtemp(prefix="pcm-run-")), True


def _remove(directory: Path, dashboard: Dashboard | None) -> None:
    if dashboard is not None:
        dashboard.forget(directory)
    shutil.rmtree(directory, ignore_errors=True)


def _check_map(task: object, context: object, batch: object) -> None:
    if not isinstance(task, Task):
        raise InputError("is no task", field="task", mend="decorate the function with @pcm.task")
    if not isinstance(context, Recipe):
        called = "call the decorated function: its call gives the recipe"
        raise InputError("is no recipe", field="context", mend=called)
    if batch != "auto" and not (isinstance(batch, int) and batch > 0):
        raise InputError(f"is {batch!r}", field="batch", mend='give "auto" or a positive number')


def resume(
    directory: str | Path,
    *,
    engine: str | Engine = "local",
    workers: int | None = None,
    retry_failed: bool = False,
    **options: Any,
) -> Run:
    """Finish a run in a manager of its own; returns the finished run."""
    with Manager(engine, workers, **options) as manager:
        return manager.resume(directory, retry_failed=retry_failed).wait()
