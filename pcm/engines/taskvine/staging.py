"""Files of contexts on their way to workers: what workers say of them to ``Distribution``, and what
it decides to the driver.

What is brought to a worker is a call of it, and it has ``carriage.STAGING_CALLS`` for that: calls
that it was not waited for are among them until they end.
"""

from __future__ import annotations

import os
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from math import inf

import msgspec

from pcm.engines.base import FileCame
from pcm.engines.staging import (
    Call,
    Distribution,
    Fetch,
    Forget,
    GiveUp,
    Move,
    Piece,
    Publish,
)
from pcm.engines.taskvine.messages import (
    FetchFile,
    ForgetFile,
    NotStaged,
    PublishFile,
    SendPiece,
    ToDriver,
)
from pcm.engines.taskvine.worker import RemoteWorker
from workers import carriage
from workers.protocol import FileState, ReplicaFault, ReplicaState, Report, StagedFile, Tree

FAILED = "see to the worker's disk, its network and its file cache (`--cache`)"
RENEW_SECONDS = 60.0
"""How often it is told that files of a context go on coming."""
CHANGED = "put it back as it was, or start the run again by its script"


class StagingFigures(msgspec.Struct):
    """What was brought to workers so far."""

    pieces: int = 0
    piece_bytes: int = 0
    """Sent by the manager."""
    fetches: int = 0
    fetched_bytes: int = 0
    """Passed between workers, and found to be right."""
    publications: int = 0
    failures: int = 0
    """Calls that came back without an answer."""


class Desk:
    """The calls about files at one worker."""

    def __init__(self, worker: RemoteWorker) -> None:
        self.worker = worker
        self.waiting: deque[Call] = deque()
        self.open: dict[int, Call] = {}
        """By the worker's number for them."""
        self.renewed_at: dict[str, float] = {}
        """By context."""
        self.sent_bytes: Counter[str] = Counter()
        """By the manager, of files that are not whole there yet."""
        self.evicted: Counter[str] = Counter()
        """Orders to give up a context that were not answered yet, by context."""
        self.reordered: dict[str, Mapping[str, int]] = {}
        """Files of those of them that were ordered again meanwhile."""


class Staging:
    """Between the engine and the decisions."""

    def __init__(
        self,
        per_source: int,
        say: Callable[[ToDriver], None],
        call_later: Callable[[float, Callable[[], None]], None],
        fail: Callable[[RemoteWorker, str, str], None],
        progress: Callable[[RemoteWorker, str], None],
        came: Callable[[FileCame], None],
    ) -> None:
        """``fail`` is told of a worker, a context and the problem with its files; ``progress`` now
        and then of a worker and a context whose files are coming; ``came`` of files that came."""
        self._say, self._call_later, self._fail = say, call_later, fail
        self._progress, self._came = progress, came
        self._distribution = Distribution(per_source)
        self._desks: dict[str, Desk] = {}
        self._files: dict[str, tuple[str, StagedFile]] = {}
        """By digest: where the manager has a file."""
        self._timer_at = inf
        self.figures = StagingFigures()

    def stagger(self, *, one_by_one: bool) -> None:
        self._distribution.stagger(one_by_one=one_by_one)

    # -- what happens ----------------------------------------------------------------------------

    def load(self, worker: RemoteWorker, context: str, trees: tuple[Tree, ...]) -> None:
        """The worker is sent an order about a context that has these files: to load it, or only to
        have them there."""
        files = {}
        for tree in trees:
            for file in tree.files:
                path = tree.path if tree.is_file else os.path.join(tree.path, file.name)
                self._files[file.digest] = path, file
                files[file.digest] = file.size_bytes
        if files:
            desk = self._desks.setdefault(worker.name, Desk(worker))
            self._distribution.needed(worker.name, context, files)
            if desk.evicted[context]:
                desk.reordered[context] = files

    def evict(self, worker: RemoteWorker, context: str) -> None:
        """The worker is sent an order to give the context up."""
        desk = self._desks.get(worker.name)
        if desk is not None:
            desk.evicted[context] += 1
            desk.reordered.pop(context, None)

    def hear(self, worker: RemoteWorker, report: Report) -> None:
        """What the worker says, as far as it is about files."""
        if worker.name not in self._desks:
            return
        now = time.monotonic()
        match report:
            case FileState():
                self._count(worker.name, report)
                self._tell_progress(worker, report.digest, now)
                self._carry_out(
                    self._distribution.reported(
                        worker.name, report.digest, report.status, report.have_bytes, now
                    )
                )
            case ReplicaFault() | ReplicaState(status="absent"):
                self._carry_out(self._distribution.released(worker.name, report.context, now))
                self._need_again(self._desks[worker.name], report.context)

    def _need_again(self, desk: Desk, context: str) -> None:
        """It may have said so before it heard that the context was ordered again."""
        desk.evicted[context] = max(0, desk.evicted[context] - 1)
        files = desk.reordered.get(context)
        if files is not None:
            self._distribution.needed(desk.worker.name, context, files)
        if not desk.evicted[context]:
            desk.reordered.pop(context, None)
            del desk.evicted[context]

    def _tell_progress(self, worker: RemoteWorker, digest: str, now: float) -> None:
        renewed_at = self._desks[worker.name].renewed_at
        for context in self._distribution.contexts(worker.name, digest):
            if now - renewed_at.setdefault(context, now) >= RENEW_SECONDS:
                renewed_at[context] = now
                self._progress(worker, context)

    def answered(self, worker: str, call: int) -> None:
        """A call of a worker has ended; what it brought is heard of by itself."""
        desk = self._desks.get(worker)
        if desk is not None and desk.open.pop(call, None) is not None:
            self._send(desk)

    def not_staged(self, message: NotStaged) -> None:
        desk = self._desks.get(message.worker)
        call = None if desk is None else desk.open.pop(message.call, None)
        if desk is None or call is None:
            return
        self.figures.failures += 1
        if message.changed:
            self._give_up(desk.worker, call.digest, f"{message.why}; {CHANGED}")
        self._carry_out(self._distribution.failed(call.number, time.monotonic()))
        self._send(desk)

    def left(self, worker: str) -> None:
        """The worker is gone."""
        if self._desks.pop(worker, None) is not None:
            self._carry_out(self._distribution.left(worker, time.monotonic()))

    # -- what is done ----------------------------------------------------------------------------

    def _carry_out(self, moves: list[Move]) -> None:
        for move in moves:
            match move:
                case Forget():
                    self._say(ForgetFile(move.digest))
                case GiveUp():
                    desk = self._desks.get(move.worker)
                    if desk is not None:
                        path, _ = self._files[move.digest]
                        problem = f"{path} could not be brought to the worker: {move.problem}"
                        self._give_up(desk.worker, move.digest, f"{problem}; {FAILED}")
                case _:
                    desk = self._desks[move.worker]
                    desk.waiting.append(move)
                    self._send(desk)
        self._watch_time()

    def _give_up(self, worker: RemoteWorker, digest: str, problem: str) -> None:
        for context in self._distribution.contexts(worker.name, digest):
            self._fail(worker, context, problem)
            now = time.monotonic()
            self._carry_out(self._distribution.released(worker.name, context, now))

    def _send(self, desk: Desk) -> None:
        """As far as the worker has calls for it."""
        while desk.waiting and len(desk.open) < carriage.STAGING_CALLS:
            call = desk.waiting.popleft()
            number = desk.worker.next_call()
            desk.open[number] = call
            self._say(self._message(call, number))

    def _message(self, call: Call, number: int) -> ToDriver:
        match call:
            case Piece():
                path, file = self._files[call.digest]
                left = max(0, file.size_bytes - call.offset)
                self.figures.pieces += 1
                size = min(carriage.PIECE_BYTES, left)
                self.figures.piece_bytes += size
                self._desks[call.worker].sent_bytes[call.digest] += size
                return SendPiece(
                    call.worker,
                    number,
                    call.digest,
                    call.offset,
                    path,
                    file.size_bytes,
                    file.modified_ns,
                )
            case Publish():
                self.figures.publications += 1
                return PublishFile(call.worker, number, call.digest)
            case Fetch():
                return FetchFile(call.worker, number, call.digest)

    def _count(self, worker: str, report: FileState) -> None:
        digest = report.digest
        if report.status != "whole" or digest not in self._files:
            return
        contexts = self._distribution.contexts(worker, digest)
        sent_bytes = self._desks[worker].sent_bytes.pop(digest, 0)
        if sent_bytes and contexts:
            self._came(FileCame(worker, contexts[0], "manager", sent_bytes))
        if self._distribution.is_fetching(worker, digest):
            size_bytes = self._files[digest][1].size_bytes
            self.figures.fetches += 1
            self.figures.fetched_bytes += size_bytes
            if contexts:
                self._came(FileCame(worker, contexts[0], "worker", size_bytes))

    # -- time ------------------------------------------------------------------------------------

    def _watch_time(self) -> None:
        due = self._distribution.next_deadline()
        if due < self._timer_at:
            self._timer_at = due
            self._call_later(max(0.0, due - time.monotonic()), self._on_time)

    def _on_time(self) -> None:
        self._timer_at = inf
        self._carry_out(self._distribution.expired(time.monotonic()))
