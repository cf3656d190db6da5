"""Where calls wait for their answers, and reports for a call that can take them.

A call that brings a batch is answered when that ends, a brief one with orders at once. The
manager's side keeps one call open that brings nothing (``carriage.EVENTS``): it is answered when
there is something to say that no other answer can take along. Results alone wait a while for
company, and telemetry longer: an answer costs the manager's side a millisecond.

A call about a file has no turn among these: it is carried out whenever it comes, and answered when
that is done.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections import deque
from collections.abc import Callable

from workers import carriage
from workers.host.loop import Loop, Timer
from workers.host.outlet import Left, nobody_asks
from workers.library.pipes import Call
from workers.protocol import (
    BatchEnd,
    Goodbye,
    ItemResults,
    Order,
    Report,
    RunBatch,
    Telemetry,
)

RESULTS_SECONDS = 0.5
"""How long results may wait for a call that is answered anyway."""
TELEMETRY_SECONDS = 5.0
"""The same for telemetry."""
WINDOWS_HELD = 30
"""Of telemetry, the newest; nobody may have asked for a long while."""
HELD_BYTES = 4 << 20
"""Results of this size wait no longer."""


Bring = Callable[[carriage.Staging, str, Callable[[], None]], None]
"""Carries out a call about a file, in the sandbox of that name; calls back when it was reported
what came of it."""


class Desk:
    """The upstream of a supervisor."""

    def __init__(
        self,
        loop: Loop,
        handle: Callable[[list[Order]], None],
        bring: Bring,
        end: Callable[[Call], None],
    ) -> None:
        """``handle`` is given orders, ``bring`` calls about files, ``end`` calls whose answer is in
        its place."""
        self.dismissed = False
        """Whether the other side has our Goodbye."""
        self._loop = loop
        self._handle, self._bring, self._end = handle, bring, end
        self._expected = 0
        self._early: dict[int, tuple[Call, carriage.Call]] = {}
        self._events: deque[Call] = deque()
        self._brief: list[Call] = []
        self._batches: dict[int, Call] = {}
        self._reports: list[Report] = []
        self._windows: deque[Telemetry] = deque(maxlen=WINDOWS_HELD)
        self._held_bytes = 0
        self._left: list[Left] = []
        """Who is to be told that results have left."""
        self._urgent = False
        self._answers = 0
        self._answered_at = 0.0
        self._gone = False
        self._timer: Timer | None = None

    # -- reports ---------------------------------------------------------------------------------

    def send(self, reports: list[Report], left: Left = nobody_asks) -> None:
        """Take reports; they leave at the end of the turn, or when they can: with an answer."""
        if any(isinstance(report, ItemResults) for report in reports):
            self._left.append(left)
        for report in reports:
            if isinstance(report, ItemResults):
                self._held_bytes += sum(len(r.value) for r in report.results if r.value)
            elif isinstance(report, Telemetry):
                self._windows.append(report)
                continue
            else:
                self._urgent = True
            self._reports.append(report)

    # -- calls -----------------------------------------------------------------------------------

    def take(self, call: Call) -> None:
        """Handle a call, in its turn. Raises CarriageError for what is none."""
        if call.command == carriage.EVENTS:
            self._events.append(call)
            self.dismissed = self._gone and not self._reports
            return
        staging = carriage.staging(call.command)
        if staging is not None:
            self._bring(staging, call.sandbox, lambda: self._brief.append(call))
            return
        frame = carriage.inline_frame(call.command)
        if frame is None:
            path = os.path.join(call.sandbox, carriage.INPUT_FILE)
            with open(path, "rb") as file:
                frame = file.read()
        brought = carriage.open_call(frame)
        if brought.number < self._expected:
            self._brief.append(call)  # It was thought lost, and came all the same.
            return
        self._early[brought.number] = call, brought
        while self._expected in self._early:
            call, brought = self._early.pop(self._expected)
            self._expected += 1
            self._carry_out(call, brought)

    def _carry_out(self, call: Call, brought: carriage.Call) -> None:
        batches = [order.batch for order in brought.orders if isinstance(order, RunBatch)]
        if batches and not brought.brief:
            self._batches[batches[-1]] = call
        else:
            self._brief.append(call)
        self._handle(brought.orders)

    # -- answers ---------------------------------------------------------------------------------

    def settle(self) -> None:
        """Give answers where it is time; called at the end of every turn of the loop."""
        ready, self._brief = self._brief, []
        for report in self._reports:
            if isinstance(report, BatchEnd) and report.batch in self._batches:
                ready.append(self._batches.pop(report.batch))
        waiting = self._reports or self._windows
        if not ready and waiting and self._events and self._is_time():
            ready.append(self._events.popleft())
        for call in ready:
            self._answer(call)

    def _is_time(self) -> bool:
        patience_seconds = RESULTS_SECONDS if self._reports else TELEMETRY_SECONDS
        wait = self._answered_at + patience_seconds - time.monotonic()
        if self._urgent or self._held_bytes > HELD_BYTES or wait <= 0:
            return True
        if self._timer is None:
            self._timer = self._loop.call_later(min(wait, RESULTS_SECONDS), self._on_time)
        return False

    def _on_time(self) -> None:
        self._timer = None

    def _answer(self, call: Call) -> None:
        """With all that there is to say: the first of several answers has it all."""
        reports: list[Report] = [*self._windows, *self._reports]
        self._reports = []
        self._windows.clear()
        self._held_bytes, self._urgent = 0, False
        self._gone = self._gone or any(isinstance(report, Goodbye) for report in reports)
        # A call that was cancelled has lost its sandbox, and nobody waits for its answer.
        with contextlib.suppress(OSError), open(call.output, "wb") as file:
            file.write(carriage.answer(self._answers, reports))
        self._answers += 1
        self._answered_at = time.monotonic()
        self._end(call)
        gone, self._left = self._left, []
        for left in gone:
            left()
