"""LocalEngine: commands to orders, reports to events, for worker processes on this machine."""

from __future__ import annotations

import selectors
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from pcm.core.events import ProvisionFailed, WorkerLeft
from pcm.engines.base import Cargo
from pcm.engines.crew import CrewEngine
from pcm.engines.local.process import WorkerProcess
from pcm.engines.local.sharing import Sharing
from pcm.engines.local.worker import LocalWorker
from pcm.engines.reactor import READ, WRITE, Reactor
from pcm.engines.reports import translate
from pcm.errors import EngineError, InputError
from workers.host.link import FrameError
from workers.protocol import decode_reports

EXIT_PATIENCE_SECONDS = 5.0
"""How long a supervisor whose link is closed may take to end, before it is killed."""


class LocalEngine(CrewEngine[LocalWorker]):
    """Workers are processes of this machine, each with its own GPUs, or any number that share its
    cores.

    Args:
        workers: how many workers the machine is to be divided among; None: as many as are started.
        threads_per_worker: threads of numerical libraries; None: the cores, divided.
        gpus: indices or UUIDs of the GPUs to use; None: all. Empty: none.
        gpus_per_worker: how many of them each worker has, for contexts that need several.
        scratch: where a temporary directory is made; None: where the system has such.
        logs: a directory to keep the logs of workers and replicas in; None: they are temporary.
        grace_seconds: what a worker that is sent SIGTERM announces as its notice.

    Raises InputError for a bad option.
    """

    pool = "local"

    def __init__(
        self,
        *,
        workers: int | None = None,
        threads_per_worker: int | None = None,
        gpus: Sequence[int | str] | None = None,
        gpus_per_worker: int = 1,
        scratch: str | Path | None = None,
        logs: str | Path | None = None,
        grace_seconds: float = 10.0,
    ) -> None:
        for field, value, least in (
            ("workers", workers, 0),
            ("threads_per_worker", threads_per_worker, 1),
            ("gpus_per_worker", gpus_per_worker, 1),
            ("grace_seconds", grace_seconds, 0),
        ):
            if value is not None and value < least:
                raise InputError(f"is {value}", field=field, mend=f"give {least} or more")
        super().__init__(grace_seconds=grace_seconds)
        self._sharing = Sharing(workers, threads_per_worker, gpus, gpus_per_worker)
        self._scratch, self._logs = scratch, logs
        self._started = 0
        self._wanted = 0

    def default_workers(self) -> int:
        """As many as have their GPUs; without GPUs one per eight cores, at least one."""
        return self._sharing.default_workers

    # -- life ------------------------------------------------------------------------------------

    def start(self, cargo: Cargo) -> None:
        self._cargo = cargo
        try:
            if self._logs is not None:
                Path(self._logs).mkdir(mode=0o700, parents=True, exist_ok=True)
            self._base = Path(tempfile.mkdtemp(prefix="pcm-local-", dir=self._scratch))
        except OSError as error:
            raise EngineError(f"no directory for the workers: {error}") from error
        self._reactor = Reactor()
        self._reactor.before_waiting = self.flush

    def stop(self, grace_seconds: float = 0.0) -> None:
        reactor = self._reactor
        if reactor is None:
            return
        if grace_seconds > 0:
            self._await_leaving(grace_seconds)
        for worker in self._workers.values():
            self._disconnect(worker)  # A supervisor that reads the end ends all that is below it.
        deadline = time.monotonic() + EXIT_PATIENCE_SECONDS
        for worker in self._workers.values():
            with selectors.DefaultSelector() as one:
                one.register(worker.process, READ)
                if not one.select(max(0.0, deadline - time.monotonic())):
                    worker.kill()
            worker.process.wait()
            worker.kill_replicas()
            worker.process.close()
            self._sharing.release(worker.share)
        self._workers.clear()
        self._unsent.clear()
        self._wanted = 0
        self._reactor = None
        reactor.close()
        shutil.rmtree(self._base, ignore_errors=True)

    # -- orders ----------------------------------------------------------------------------------

    def flush(self) -> None:
        for worker in self._unsent:
            worker.ship()
            if worker.link.unsent:
                self._watch(worker)
        self._unsent.clear()

    # -- events ----------------------------------------------------------------------------------

    def _on_socket(self, worker: LocalWorker, ready: int) -> None:
        if ready & WRITE:
            self._watch(worker)
        if ready & READ:
            self._receive(worker)

    def _receive(self, worker: LocalWorker, *, drain: bool = False) -> None:
        link = worker.link
        if self._reactor is None or link.fileno() < 0:
            return
        try:
            for frame in link.receive(drain=drain):
                for report in decode_reports(frame):
                    translate(report, worker, self._reactor.happened)
        except (FrameError, msgspec.MsgspecError) as error:
            worker.refusal = f"it sent what is not a frame of reports: {error}"
        if worker.refusal:
            worker.kill()
            self._disconnect(worker)
        elif link.ended and not drain:
            self._disconnect(worker)
            self._reactor.call_later(EXIT_PATIENCE_SECONDS, lambda: self._end(worker))

    def _kill(self, worker: LocalWorker) -> None:
        worker.kill()

    def _end(self, worker: LocalWorker) -> None:
        if self._workers.get(worker.name) is worker:
            worker.kill()

    def _on_exit(self, worker: LocalWorker) -> None:
        """The supervisor's process has ended: read what is left, then it has left."""
        assert self._reactor is not None
        self._receive(worker, drain=True)
        self._disconnect(worker)
        self._reactor.unwatch(worker.process)
        end = worker.process.wait()
        if not worker.goodbye:
            worker.kill_replicas()
        del self._workers[worker.name]
        self._unsent.discard(worker)
        self._sharing.release(worker.share)
        detail = worker.refusal
        if not worker.goodbye and not worker.asked_to_leave and not detail:
            detail = "\n".join(part for part in (end, worker.process.log_tail()) if part)
        worker.process.close()
        if not worker.joined:
            problem = f"worker {worker.name} ended before it was ready: {detail}"
            self._happen([ProvisionFailed(self.pool, 1, problem)])
        if worker.joined or worker.refusal:
            self._happen([WorkerLeft(worker.name, worker.leave_cause(), detail)])
        self._start_workers(0)

    # -- workers ---------------------------------------------------------------------------------

    def _start_workers(self, count: int) -> None:
        """So many more; where every GPU has its worker, as soon as one that is leaving is gone."""
        if self._reactor is None:
            return
        self._wanted += count
        left = self._sharing.workers_left
        possible = self._wanted if left is None else min(self._wanted, left)
        leaving = sum(worker.is_leaving for worker in self._workers.values())
        never = self._wanted - possible - leaving
        if never > 0:
            self._wanted -= never
            self._happen(
                [ProvisionFailed(self.pool, never, self._sharing.too_many, permanent=True)]
            )
        running = len(self._workers) + possible
        for number in range(possible):
            try:
                self._start_worker(running)
            except OSError as error:
                failed = possible - number
                self._wanted -= failed
                problem = f"a worker's process could not be started: {error}"
                self._happen([ProvisionFailed(self.pool, failed, problem)])
                return
            self._wanted -= 1

    def _start_worker(self, running: int) -> None:
        assert self._reactor is not None
        self._started += 1
        name = f"{self.pool}-{self._started}"
        share = self._sharing.take(running)
        scratch = self._base / name
        try:
            scratch.mkdir(mode=0o700)
            process = WorkerProcess(
                name,
                scratch=scratch,
                logs=scratch if self._logs is None else Path(self._logs),
                grace_seconds=self._grace_seconds,
                environment=share.environment(),
            )
        except OSError:
            self._sharing.release(share)
            raise
        worker = self._workers[name] = LocalWorker(name, share, process)
        self._reactor.watch(process, lambda _: self._on_exit(worker))
        self._watch(worker)

    def _watch(self, worker: LocalWorker) -> None:
        """For what it sends, and for when it can take more of what we have for it."""
        if self._reactor is None or worker.link.fileno() < 0:
            return
        wanted = READ if worker.link.flush() else READ | WRITE
        self._reactor.watch(worker.link, lambda ready: self._on_socket(worker, ready), wanted)

    def _disconnect(self, worker: LocalWorker) -> None:
        if worker.link.fileno() >= 0:
            assert self._reactor is not None
            self._reactor.unwatch(worker.link)
            worker.link.close()
