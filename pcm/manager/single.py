"""Single calls: a run without end whose items come one by one, each with a future."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

import msgspec
import numpy as np

from pcm.core.events import ItemsAdded
from pcm.errors import ItemError, RunError
from pcm.journal import Item, Outcome
from pcm.manager.active import ActiveRun
from pcm.manager.loop import Loop
from pcm.manager.row import item_error
from workers.protocol import ErrorReport


class SingleCalls:
    """The futures of one (task, context) pair. ``submit`` may be called from any thread."""

    def __init__(self, loop: Loop, run: ActiveRun) -> None:
        self._loop = loop
        self._run = run
        self._lock = threading.Lock()
        self._incoming: list[tuple[Future[Any], bytes]] = []
        self._futures: dict[int, Future[Any]] = {}
        self._errors: dict[int, ErrorReport] = {}
        self._count = 0
        self.ended = False
        run.on_end = self.close
        run.on_outcomes = self._resolve
        run.on_give_up = self._give_up

    def submit(self, payload: bytes) -> Future[Any]:
        future: Future[Any] = Future()
        with self._lock:
            self._incoming.append((future, payload))
            first = len(self._incoming) == 1
        if first:  # the rest of a burst goes along with its first
            self._loop.call(self._add)
        return future

    def close(self, error: BaseException | None = None) -> None:
        """No answer will come any more for what is still open."""
        with self._lock:
            self.ended = True
            waiting = [future for future, _ in self._incoming]
            self._incoming.clear()
        for future in [*waiting, *self._futures.values()]:
            if not future.done():
                future.set_exception(error or RunError("the manager was closed"))
        self._futures.clear()

    # -- in the loop's thread --------------------------------------------------------------------

    def _add(self) -> None:
        with self._lock:
            incoming, self._incoming = self._incoming, []
        if self._run.id not in self._loop.runs:
            for future, _ in incoming:
                future.set_exception(self._run.handle.error or RunError("its run has ended"))
            return
        items = []
        for future, payload in incoming:
            if future.set_running_or_notify_cancel():
                self._futures[self._count] = future
                items.append(Item(str(self._count), payload, 1.0))
                self._count += 1
        if items and self._loop.guarded(self._run, lambda: self._run.journal.add_items(items)):
            self._loop.tell(ItemsAdded(self._run.id, np.ones(len(items))))

    def _resolve(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            if outcome.error is not None:
                self._errors[outcome.item] = msgspec.msgpack.decode(outcome.error, type=ErrorReport)
                continue
            future = self._futures.pop(outcome.item, None)
            self._errors.pop(outcome.item, None)
            if future is not None:
                future.set_result(msgspec.msgpack.decode(outcome.value or b"\xc0"))

    def _give_up(self, item: int, history: tuple[str, ...]) -> None:
        future = self._futures.pop(item, None)
        report = self._errors.pop(item, None)
        if future is not None:
            future.set_exception(item_error(report) if report else ItemError("; ".join(history)))
