"""Calls about files that are on their way, and how many of them each worker has."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Collection
from math import inf

from pcm.engines.staging.moves import Call, Piece, Publish


class Flight:
    """One call."""

    def __init__(self, call: Call, edition: int, due: float, source: str) -> None:
        self.call, self.edition, self.due, self.source = call, edition, due, source
        """``due`` is changed by ``Flights.postpone``."""
        self.excused = False
        """Whether it is nobody's fault if it fails."""

    @property
    def is_late(self) -> bool:
        """Whether its answer is not waited for (any more)."""
        return self.due == inf


class Flights:
    """At most one for each worker and file."""

    def __init__(self) -> None:
        self._flights: dict[int, Flight] = {}
        self._of_file: dict[str, dict[int, Flight]] = {}
        self._of_worker: dict[str, dict[str, Flight]] = {}
        """By worker, then by digest."""
        self._dues: list[tuple[float, int]] = []
        """A heap; of each flight the entry with its present time counts."""
        self._awaited: Counter[str] = Counter()
        """By file."""
        self._publishing: Counter[str] = Counter()
        self._streams = 0
        self._last_number = 0

    def number(self) -> int:
        """For the next call."""
        self._last_number += 1
        return self._last_number

    def begin(self, call: Call, edition: int, due: float, source: str = "") -> None:
        """``source``: the worker that a fetch is counted for."""
        flight = self._flights[call.number] = Flight(call, edition, due, source)
        self._of_file.setdefault(call.digest, {})[call.number] = flight
        self._of_worker.setdefault(call.worker, {})[call.digest] = flight
        heapq.heappush(self._dues, (due, call.number))
        self._publishing[call.digest] += isinstance(call, Publish)
        self._count(flight, 1)

    def end(self, flight: Flight) -> None:
        call = flight.call
        del self._flights[call.number]
        del self._of_file[call.digest][call.number]
        del self._of_worker[call.worker][call.digest]
        self._publishing[call.digest] -= isinstance(call, Publish)
        if not flight.is_late:
            self._count(flight, -1)
        if not self._of_file[call.digest]:
            del self._of_file[call.digest]
            del self._awaited[call.digest], self._publishing[call.digest]
        if not self._of_worker[call.worker]:
            del self._of_worker[call.worker]

    def _count(self, flight: Flight, change: int) -> None:
        self._awaited[flight.call.digest] += change
        self._streams += change * isinstance(flight.call, Piece)

    def postpone(self, flight: Flight, due: float) -> None:
        """Wait for it until then, or (infinite) not at all."""
        if due == inf and not flight.is_late:
            self._count(flight, -1)
        flight.due = due
        heapq.heappush(self._dues, (due, flight.call.number))

    def next_due(self) -> float:
        """When the first is late; infinite if none will be."""
        while self._dues:
            due, number = self._dues[0]
            flight = self._flights.get(number)
            if flight is not None and flight.due == due < inf:
                return due
            heapq.heappop(self._dues)
        return inf

    def due(self, now: float) -> list[Flight]:
        """Those that are late by now, in the order of their times."""
        found = {}
        while self.next_due() <= now:
            number = heapq.heappop(self._dues)[1]
            found[number] = self._flights[number]
        for flight in found.values():
            heapq.heappush(self._dues, (flight.due, flight.call.number))
        return list(found.values())

    def get(self, number: int) -> Flight | None:
        return self._flights.get(number)

    def to(self, worker: str, digest: str) -> Flight | None:
        """The one that is about this file at this worker."""
        return self._of_worker.get(worker, {}).get(digest)

    def about(self, digest: str) -> Collection[Flight]:
        """Those about a file."""
        return self._of_file.get(digest, {}).values()

    def of(self, worker: str) -> list[Flight]:
        """Those of a worker."""
        return list(self._of_worker.get(worker, {}).values())

    def at(self, worker: str) -> int:
        """How many a worker has."""
        return len(self._of_worker.get(worker, ()))

    def awaited(self, digest: str) -> int:
        """How many about a file are not late."""
        return self._awaited.get(digest, 0)

    def publishing(self, digest: str) -> int:
        return self._publishing.get(digest, 0)

    def streams(self) -> int:
        """How many workers are being sent pieces, as far as they answer."""
        return self._streams
