"""What goes upstream, and when: reports at the end of the turn, results a little later."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from workers.host.loop import Loop, Timer
from workers.protocol import ItemResult, ItemResults, Report

RESULT_INTERVAL_SECONDS = 0.05
MAX_HELD_BYTES = 4 << 20


Left = Callable[[], None]


def nobody_asks() -> None:
    """Of reports whose leaving is of no interest."""


class Upstream(Protocol):
    """Where a supervisor's reports go; any transport can be one."""

    def send(self, reports: list[Report], left: Left = nobody_asks) -> None:
        """Take reports, in order. Must neither block nor raise: a lost connection is told to the
        supervisor by ``Supervisor.abandon``.

        ``left`` is called once they are all on their way as far as can be told here: when the
        kernel, or whoever carries them on, has taken them; after those that were sent before.
        """


class Outlet:
    """Gathers reports of one turn of the loop into one sending.

    Results alone go at once if none went lately, else when the interval is over: a hard kill loses
    little, and many small results do not cost a sending each.
    """

    def __init__(self, loop: Loop, send: Callable[[list[Report]], None]) -> None:
        self._loop = loop
        self._send = send
        self._reports: list[Report] = []
        self._results: dict[int, list[ItemResult]] = {}
        self._held_bytes = 0
        self._due = False
        self._timer: Timer | None = None
        self._last_results = 0.0

    def results(self, batch: int, results: list[ItemResult], made_seconds: float = 0.0) -> None:
        """Outcomes of some items; they stay ahead of every report that follows. ``made_seconds``:
        see ItemResults."""
        held = self._results.get(batch)
        if held is None:
            self._results[batch] = results
        else:
            held += results
        self._held_bytes += sum(len(result.value) for result in results if result.value)
        wait = self._last_results + RESULT_INTERVAL_SECONDS - time.monotonic()
        if wait <= 0 or self._held_bytes > MAX_HELD_BYTES:
            self._due = True
        elif self._timer is None:
            self._timer = self._loop.call_later(wait, self._on_interval)

    def report(self, *reports: Report) -> None:
        """Anything but results; leaves at the end of this turn."""
        self._release()
        self._reports += reports

    def flush(self) -> None:
        """Send what is due; called at the end of every turn of the loop."""
        if self._due:
            self._release()
        if self._reports:
            reports, self._reports = self._reports, []
            self._send(reports)

    def _on_interval(self) -> None:
        self._timer = None
        self._due = True

    def _release(self) -> None:
        self._due = False
        if self._results:
            self._reports += [ItemResults(b, results) for b, results in self._results.items()]
            self._results, self._held_bytes = {}, 0
            self._last_results = time.monotonic()
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
