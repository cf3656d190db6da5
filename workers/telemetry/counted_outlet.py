"""The supervisor's outlet, with a count of what passes, and of when it leaves."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from workers.host.loop import Loop
from workers.host.outlet import Left, Outlet
from workers.protocol import BatchEnd, ItemResult, Report
from workers.telemetry.batches import BatchSignals


class CountedOutlet(Outlet):
    """Results are counted as they come, before they are gathered for sending, and once more when
    they have left."""

    def __init__(
        self,
        loop: Loop,
        send: Callable[[list[Report], Left], None],
        batches: BatchSignals,
    ) -> None:
        super().__init__(loop, self._give)
        self._send_and_tell = send
        self._batches = batches
        self._gathered = self._released = 0
        """How often results came that wait here, and that are among the reports."""

    def results(self, batch: int, results: list[ItemResult], made_seconds: float = 0.0) -> None:
        self._batches.results(batch, len(results), made_seconds=made_seconds)
        self._gathered += 1
        super().results(batch, results, made_seconds)

    def report(self, *reports: Report) -> None:
        for report in reports:
            if type(report) is BatchEnd:
                self._batches.ended(report.batch)
        super().report(*reports)

    def _release(self) -> None:
        self._released += self._gathered
        self._gathered = 0
        super()._release()

    def _give(self, reports: list[Report]) -> None:
        results, self._released = self._released, 0
        self._send_and_tell(reports, partial(self._batches.left, results))
