"""TaskVineEngine: commands to calls, answers to events, for workers behind TaskVine."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from pcm.core.commands import Command, Evict, Load
from pcm.core.events import ReplicaChanged, ReplicaFailed, WorkerLeft
from pcm.engines.base import Cargo, LogLine
from pcm.engines.crew import CrewEngine
from pcm.engines.invitation import Invitation
from pcm.engines.local.sharing import Share, Sharing
from pcm.engines.reactor import Reactor
from pcm.engines.reports import translate
from pcm.engines.staging import PEER_STREAMS, STRIKES
from pcm.engines.taskvine import requirements
from pcm.engines.taskvine.connection import Connection
from pcm.engines.taskvine.kit import NAME as KIT_NAME
from pcm.engines.taskvine.kit import kit
from pcm.engines.taskvine.messages import (
    Answered,
    Failed,
    FromDriver,
    Joined,
    Kill,
    Left,
    Listening,
    NotStaged,
    Submit,
)
from pcm.engines.taskvine.pool import Pool
from pcm.engines.taskvine.processes import LauncherProcess
from pcm.engines.taskvine.staging import Staging, StagingFigures
from pcm.engines.taskvine.worker import EVENTS_CALL, RemoteWorker
from pcm.errors import EngineError, InputError
from workers import carriage
from workers.protocol import DropContext, LoadContext

OUTSIDE_POOL = "outside"
"""The pool of workers that the engine did not start, unless they name another."""


class TaskVineEngine(CrewEngine[RemoteWorker]):
    """Workers join by TaskVine: those it starts on this machine, and any that come from outside.

    Args:
        workers: how many workers this machine is to be divided among; None: as many as are started.
        listen: the port for workers from outside; 0: any that is free, and then kept; None: there
            are to be none, though some that find it may join.
        password_file: what a worker must know to join, and what it must be sure of the manager; a
            file that is not empty. None: made up, and readable by this user alone.
        ssl: True: encrypt, with a certificate made up for this manager; or the paths of a key and a
            certificate. Workers do not verify it: it keeps out who only listens.
        threads_per_worker, gpus, gpus_per_worker, scratch, logs, grace_seconds: as for the local
            engine.
        transfers_per_source: how many workers may fetch files of a model from one worker at a time;
            0: workers cannot reach each other, the manager sends each its own copy.
        environment: an archive with the Python that workers are to use, as `conda-pack` makes it;
            it is taken to each. None: the Python that they were started with.
        keep_logs: let TaskVine write its own logs (they grow) in ``logs``.

    ``port`` and ``password_file`` are what workers need, once it is started. Raises InputError for
    a bad option.
    """

    pool = "local"
    takes_workers_from_outside = True
    carries_files = True

    def __init__(
        self,
        *,
        workers: int | None = None,
        listen: int | None = None,
        password_file: str | Path | None = None,
        ssl: bool | Sequence[str] = False,
        threads_per_worker: int | None = None,
        gpus: Sequence[int | str] | None = None,
        gpus_per_worker: int = 1,
        scratch: str | Path | None = None,
        logs: str | Path | None = None,
        grace_seconds: float = 10.0,
        transfers_per_source: int = PEER_STREAMS,
        environment: str | Path | None = None,
        keep_logs: bool = False,
    ) -> None:
        for field, value, least in (
            ("workers", workers, 0),
            ("listen", listen, 0),
            ("threads_per_worker", threads_per_worker, 1),
            ("gpus_per_worker", gpus_per_worker, 1),
            ("grace_seconds", grace_seconds, 0),
            ("transfers_per_source", transfers_per_source, 0),
        ):
            if value is not None and value < least:
                raise InputError(f"is {value}", field=field, mend=f"give {least} or more")
        if transfers_per_source > STRIKES:
            raise InputError(
                f"is {transfers_per_source}",
                field="transfers_per_source",
                mend=f"give {STRIKES} or less: TaskVine drops workers from which more fail at once",
            )
        if environment is not None:
            requirements.check_environment(Path(environment))
        super().__init__(grace_seconds=grace_seconds)
        if password_file is not None:
            requirements.check_password_file(Path(password_file))
        self.port = listen or 0
        self._listens = listen is not None
        self._given_password = None if password_file is None else Path(password_file).absolute()
        self._ssl = ssl if isinstance(ssl, bool) else (ssl[0], ssl[1])
        self._scratch, self._logs = scratch, logs
        self._keep_logs = keep_logs
        self._transfers_per_source = transfers_per_source
        self._environment = None if environment is None else Path(environment).absolute()
        own = 0 if workers is None and self._listens else workers
        self._sharing = Sharing(own, threads_per_worker, gpus, gpus_per_worker)
        self._pool = Pool(self.pool, self._sharing, self._launch)
        self._invitation: Invitation | None = None

    def invitation(self) -> Invitation | None:
        return self._invitation

    def default_workers(self) -> int:
        """None where it listens for workers from outside; else one per GPU, or per eight cores."""
        return 0 if self._listens else self._sharing.default_workers

    # -- life ------------------------------------------------------------------------------------

    def start(self, cargo: Cargo) -> None:
        requirements.check_machine()
        self._cargo = cargo
        try:
            self._base = Path(tempfile.mkdtemp(prefix="pcm-taskvine-", dir=self._scratch))
            self._log_directory = Path(self._logs or self._base).absolute()
            self._log_directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self._base / KIT_NAME).write_bytes(kit())
            self.password_file = self._given_password or self._make_password()
        except OSError as error:
            raise EngineError(f"no directory for the workers: {error}") from error
        self._reactor = reactor = Reactor()
        self._connection = Connection(
            reactor,
            self._driver_arguments,
            self._on_listening,
            self._handle,
            self._on_line,
            self._on_driver_death,
        )
        self._staging = Staging(
            self._transfers_per_source,
            self._connection.say,
            reactor.call_later,
            self._on_no_files,
            self._on_more_files,
            lambda came: self._happen([came]),
        )
        reactor.before_waiting = self.flush
        try:
            self._connection.open()
        except BaseException:
            self.stop()
            raise

    def _make_password(self) -> Path:
        path = self._base / "password"
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32))
        return path

    def _driver_arguments(self) -> list[str]:
        logs = self._log_directory if self._keep_logs else self._base
        directory = tempfile.mkdtemp(prefix="driver-", dir=logs)
        arguments = ["--directory", directory, "--port", str(self.port)]
        arguments += ["--password-file", str(self.password_file)]
        arguments += ["--kit", str(self._base / KIT_NAME)]
        arguments += ["--transfers-per-source", str(self._transfers_per_source)]
        if self._environment is not None:
            arguments += ["--environment", str(self._environment)]
        if isinstance(self._ssl, tuple):
            arguments += ["--ssl-key", self._ssl[0], "--ssl-certificate", self._ssl[1]]
        elif self._ssl:
            arguments.append("--ssl")
        return [*arguments, "--keep-logs"] if self._keep_logs else arguments

    def stop(self, grace_seconds: float = 0.0) -> None:
        if self._reactor is None:
            return
        if grace_seconds > 0:
            self._await_leaving(grace_seconds)
        self._pool.end_all()
        self._connection.close()
        self._reactor.close()
        self._reactor = None
        self._workers.clear()
        self._unsent.clear()
        shutil.rmtree(self._base, ignore_errors=True)

    # -- orders ----------------------------------------------------------------------------------

    def _add_orders(self, command: Command, worker: RemoteWorker) -> None:
        super()._add_orders(command, worker)
        if isinstance(command, Load) and worker.outgoing:
            order = worker.outgoing[-1]
            if isinstance(order, LoadContext):
                self._staging.load(worker, order.context, order.trees)
        elif isinstance(command, Evict):
            self._staging.evict(worker, command.context)

    def flush(self) -> None:
        for worker in list(self._unsent):
            for number, frame in worker.calls():
                self._connection.say(Submit(worker.name, number, frame))
            if not worker.outgoing:
                self._unsent.discard(worker)
        if self._reactor is not None:
            self._connection.flush()

    def _kill(self, worker: RemoteWorker) -> None:
        if worker.name in self._pool.launchers:
            self._pool.end(worker.name)
        else:
            self._connection.say(Kill(worker.name))

    # -- events ----------------------------------------------------------------------------------

    def _handle(self, message: FromDriver) -> None:
        match message:
            case Joined():
                self._on_joined(message)
            case Answered():
                self._on_answer(message)
            case Failed():
                self._on_failure(message)
            case NotStaged():
                self._staging.not_staged(message)
            case Left():
                worker = self._workers.get(message.worker)
                if worker is not None:
                    self._leave(worker, worker.refusal or "its connection ended")

    def _on_joined(self, message: Joined) -> None:
        identity = carriage.identity(message.identity)
        if identity is None:
            text = f"a vine_worker at {message.host} is none of ours: start it with `pcm worker`"
            self._happen([LogLine(message.address, text)])
            return
        launcher = self._pool.launchers.get(identity.worker)
        worker = RemoteWorker(
            identity.worker,
            identity.pool or OUTSIDE_POOL if launcher is None else self.pool,
            None if launcher is None else launcher.share,
        )
        own_python = self._environment is None
        worker.refusal = requirements.refusal(identity, own_python=own_python)
        self._workers[worker.name] = worker
        # Starts the library, which says Hello; or refuses, for the same reason.
        self._connection.say(Submit(worker.name, EVENTS_CALL))

    def _on_answer(self, message: Answered) -> None:
        assert self._reactor is not None
        if message.call == EVENTS_CALL:
            # Also to one that has said goodbye: it shows that this was heard.
            self._connection.say(Submit(message.worker, EVENTS_CALL))
        worker = self._workers.get(message.worker)
        if worker is None:
            return
        worker.ended(message.call)
        self._staging.answered(worker.name, message.call)
        try:
            for report in worker.receive(message.text, time.monotonic()):
                translate(report, worker, self._reactor.happened)
                self._staging.hear(worker, report)
        except carriage.CarriageError as error:
            worker.refusal = f"its answers make no sense: {error}"
        launcher = self._pool.launchers.get(worker.name)
        if launcher is not None and worker.joined:
            launcher.joined = True
        if worker.refusal:
            self._kill(worker)
            self._leave(worker, worker.refusal)
        elif worker.goodbye:
            self._leave(worker, "")

    def _on_failure(self, message: Failed) -> None:
        worker = self._workers.get(message.worker)
        if worker is not None and not worker.refusal:
            self._kill(worker)
            self._leave(worker, f"TaskVine gave a call back: {message.why}")

    def _on_no_files(self, worker: RemoteWorker, context: str, problem: str) -> None:
        worker.outgoing.append(DropContext(context))
        self._staging.evict(worker, context)
        self._unsent.add(worker)
        self._happen([ReplicaFailed(worker.name, context, "loader_error", problem)])

    def _on_more_files(self, worker: RemoteWorker, context: str) -> None:
        if context not in worker.replicas and context not in worker.ahead:
            self._happen([ReplicaChanged(worker.name, context, "disk", "staging")])

    def stagger(self, *, one_by_one: bool) -> None:
        self._staging.stagger(one_by_one=one_by_one)

    def staging_figures(self) -> StagingFigures:
        """What was brought to workers so far, of files of contexts."""
        return self._staging.figures

    def _leave(self, worker: RemoteWorker, detail: str) -> None:
        del self._workers[worker.name]
        self._unsent.discard(worker)
        self._staging.left(worker.name)
        self._pool.leaving(worker.name)
        if worker.joined or worker.refusal:
            self._happen([WorkerLeft(worker.name, worker.leave_cause(), detail)])
        elif worker.share is None:
            text = "it left before it was ready; what it printed itself says why"
            self._happen([LogLine(worker.name, text)])

    def _on_listening(self, message: Listening) -> None:
        self.port = message.port
        self._invitation = Invitation(self.port, str(self.password_file), bool(self._ssl))

    def _on_line(self, line: str) -> None:
        self._happen([LogLine("taskvine", line)])

    def _on_driver_death(self, why: str) -> None:
        """Every connection ended with it; workers from outside come again by themselves, to the
        same port. Without ``listen`` nobody was told of it, and another program may have it now."""
        if not self._listens:
            self.port = 0
        for name in list(self._pool.launchers):
            self._pool.end(name)
        for worker in list(self._workers.values()):
            self._leave(worker, why)

    # -- workers on this machine -----------------------------------------------------------------

    def _start_workers(self, count: int) -> None:
        self._happen(self._pool.provision(count))

    def _launch(self, worker: str, share: Share) -> LauncherProcess:
        assert self._reactor is not None
        launcher = LauncherProcess(
            worker,
            share,
            f"127.0.0.1:{self.port}",
            password_file=self.password_file,
            ssl=bool(self._ssl),
            scratch=self._base,
            logs=self._log_directory,
            grace_seconds=self._grace_seconds,
        )
        self._reactor.watch(launcher, lambda _: self._on_launcher_exit(launcher))
        return launcher

    def _on_launcher_exit(self, launcher: LauncherProcess) -> None:
        assert self._reactor is not None
        self._reactor.unwatch(launcher)
        worker = self._workers.get(launcher.worker)
        if worker is not None and not worker.refusal:
            self._leave(worker, launcher.last_words())
        self._happen(self._pool.ended(launcher))
