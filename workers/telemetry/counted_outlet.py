"""The supervisor's outlet, with a count of what passes."""

from __future__ import annotations

from collections.abc import Callable

from workers.host.loop import Loop
from workers.host.outlet import Outlet
from workers.protocol import BatchEnd, ItemResult, Report
from workers.telemetry.batches import BatchSignals


class CountedOutlet(Outlet):
    """Results are counted as they are made, before they are gathered for sending."""

    def __init__(
        self, loop: Loop, send: Callable[[list[Report]], None], batches: BatchSignals
    ) -> None:
        super().__init__(loop, send)
        self._batches = batches

    def results(self, batch: int, results: list[ItemResult]) -> None:
        self._batches.results(batch, len(results))
        super().results(batch, results)

    def report(self, *reports: Report) -> None:
        for report in reports:
            if type(report) is BatchEnd:
                self._batches.ended(report.batch)
        super().report(*reports)
