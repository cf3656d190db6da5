"""The replica process: loads one context, then runs batches on it until it is ended. In between
the context may leave the accelerator and come back (``parking.py``).

It is forked from the template, in a session of its own, dies with its parent, and writes what it
prints to its own log. It reads orders and sends reports over its link, in the protocol's messages.
"""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import random
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from workers.host import accelerator, compile_caches, parking
from workers.host.arguments import with_places
from workers.host.batch import Agree, BatchRun, ReplicaBroken
from workers.host.keeping import Keeping
from workers.host.outbox import Outbox
from workers.host.processes import set_parent_death_signal
from workers.host.ranks import become_ranks
from workers.host.tracebacks import report
from workers.protocol import (
    LENGTH_BYTES,
    BatchEnd,
    Decoded,
    DefineTask,
    ErrorReport,
    ItemResult,
    LoadContext,
    OffloadContext,
    Order,
    ReplicaFault,
    ReplicaState,
    RunBatch,
    decode_orders,
)
from workers.telemetry import progress

EXIT_BROKEN = 70
"""Exit code of a replica whose accelerator does not answer (EX_SOFTWARE)."""


def live(sock: socket.socket, log: str, template: int, ranks: int = 1) -> NoReturn:
    """All of a replica's life, or of one of its ranks; never returns to the template's code."""
    os.setsid()
    set_parent_death_signal(signal.SIGKILL)
    if os.getppid() != template:
        os._exit(0)
    _open_log(log)
    _settle()
    code = 0
    agree = None
    try:
        if ranks > 1:
            sock, agree = become_ranks(sock, ranks)
        sock.setblocking(True)
        Resident(sock, agree).serve()
    except ConnectionError:
        pass  # The supervisor is gone, or ended us.
    except ReplicaBroken:
        traceback.print_exc()
        code = EXIT_BROKEN
    except BaseException:
        traceback.print_exc()
        code = 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


class Resident:
    """The context, its tasks, and the line to the supervisor."""

    def __init__(self, sock: socket.socket, agree: Agree | None = None) -> None:
        """``agree``: as of ``BatchRun``, for one of several ranks."""
        self._socket = sock
        self._agree = agree
        self._outbox = Outbox(sock)
        self._context: Any = None
        self._keeping = Keeping(None)
        self._bytes_before = 0
        """Main memory of this process before the load."""
        self._parked = False
        self._payloads: dict[str, bytes] = {}
        self._tasks: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {}

    def serve(self) -> None:
        """Carry out orders in their order, until the link ends or the context cannot be where it
        is wanted."""
        progress.HERE.listener = self._tell
        for order in _orders(self._socket):
            match order:
                case RunBatch():
                    self._run(order)
                case DefineTask():
                    self._payloads[order.task] = order.payload
                    self._tasks.pop(order.task, None)
                case LoadContext():
                    there = self._return(order) if self._parked else self._load(order)
                    if not there:
                        return
                case OffloadContext():
                    if not self._offload(order):
                        return
                case _:
                    raise TypeError(f"not an order for a replica: {type(order).__name__}")

    def _load(self, order: LoadContext) -> bool:
        self._bytes_before = accelerator.resident_bytes()
        try:
            compile_caches.keep(order.context)
            loader, args, kwargs, probe = pickle.loads(order.payload)
            args, kwargs = with_places(args, kwargs, order.places)
            self._context = loader(*args, **kwargs)
            self._keeping = Keeping(self._context)
            if probe is not None and probe(self._context) is False:
                raise RuntimeError("the context's probe returned False: it is not ready")
        except BaseException as error:
            told = _printed(error)
            self._outbox.send(ReplicaFault(order.context, "loader_error", told))
            return False
        self._report_warm(order.context)
        return True

    def _offload(self, order: OffloadContext) -> bool:
        had_some = accelerator.accelerator_bytes() > 0
        try:
            parking.offload(self._context)
        except BaseException as error:
            _printed(error)
            return False
        self._parked = True
        held, grown = accelerator.accelerator_bytes(), self._grown_bytes()
        memory_bytes, host_bytes = (held, grown) if had_some else (grown, 0)
        self._outbox.send(
            ReplicaState(order.context, "parked", memory_bytes=memory_bytes, host_bytes=host_bytes)
        )
        return True

    def _return(self, order: LoadContext) -> bool:
        try:
            parking.bring_back(self._context)
        except BaseException as error:
            # A new process may well load what this one could not bring back.
            self._outbox.send(ReplicaFault(order.context, "died", _printed(error)))
            return False
        self._parked = False
        self._report_warm(order.context)
        return True

    def _report_warm(self, context: str) -> None:
        memory_bytes = accelerator.accelerator_bytes() or self._grown_bytes()
        parks = parking.parks(self._context)
        self._outbox.send(ReplicaState(context, "warm", memory_bytes=memory_bytes, parks=parks))

    def _grown_bytes(self) -> int:
        arriving = accelerator.arriving_bytes()  # Before it is counted as what has arrived.
        return max(0, accelerator.resident_bytes() + arriving - self._bytes_before)

    def _run(self, order: RunBatch) -> None:
        batch = order.batch

        def emit(result: ItemResult, more: bool) -> None:
            self._outbox.result(batch, result, more=more)

        started = time.perf_counter()
        try:
            function, arguments = self._task(order.task)
        except BaseException as error:
            failed = _undefined(error)
            for position in range(len(order.items)):
                emit(ItemResult(position, 0.0, None, failed), True)
        else:
            try:
                items = order.items
                BatchRun(function, self._context, arguments, items, emit, self._agree).run()
            except ReplicaBroken:
                self._outbox.send()
                raise
        seconds = time.perf_counter() - started
        end = BatchEnd(batch, "done", run_seconds=seconds, kept=self._kept_after(order.task))
        decoded = progress.HERE.take()
        self._outbox.send(*((end,) if decoded is None else (decoded, end)))

    def _tell(self, decoded: Decoded) -> None:
        # Where the supervisor is gone, the next result shows it.
        with contextlib.suppress(OSError):
            self._outbox.send(decoded)

    def _kept_after(self, task: str) -> tuple[str, ...] | None:
        try:
            return self._keeping.after(task)
        except Exception as error:
            _printed(error)
            self._keeping = Keeping(None)  # It is told for the sake of speed only.
            return ()

    def _task(self, task: str) -> tuple[Callable[..., Any], dict[str, Any]]:
        known = self._tasks.get(task)
        if known is None:
            known = self._tasks[task] = pickle.loads(self._payloads[task])
        return known


def _printed(error: BaseException) -> ErrorReport:
    """The user's own error, which is in the log now."""
    told = report(error)
    print(told.traceback, end="", file=sys.stderr)
    return told


def _undefined(error: BaseException) -> ErrorReport:
    told = report(error)
    return ErrorReport(
        told.type, f"the task could not be unpacked on the worker: {told.message}", told.traceback
    )


def _orders(sock: socket.socket) -> Iterator[Order]:
    with sock.makefile("rb", buffering=1 << 16) as stream:
        while len(length := stream.read(LENGTH_BYTES)) == LENGTH_BYTES:
            yield from decode_orders(stream.read(int.from_bytes(length, "big")))


def _open_log(path: str) -> None:
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    os.close(log)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(line_buffering=True, errors="backslashreplace")


def _settle() -> None:
    """Undo what the template needed for itself, and what forked twins would share."""
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    random.seed()
    # Only where the template has imported them: their imports are slow, and not ours to make.
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if numpy is not None:
        with contextlib.suppress(Exception):
            numpy.random.seed()
    if torch is not None:
        with contextlib.suppress(Exception):
            torch.seed()  # Of all devices; of a GPU once it is used, this initialises none.
    gc.enable()
