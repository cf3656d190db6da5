"""Calls about files that are on their way, and how many of them each worker and source has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from math import inf

from pcm.engines.taskvine.moves import Call, Piece


class Flight:
    """One call."""

    def __init__(self, call: Call, edition: int, due: float, source: str) -> None:
        self.call, self.edition, self.due, self.source = call, edition, due, source
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
        self._numbers: dict[tuple[str, str], int] = {}
        self._of_file: dict[str, dict[int, Flight]] = {}
        self._per_worker: Counter[str] = Counter()
        self._per_source: Counter[str] = Counter()
        self._last_number = 0

    def number(self) -> int:
        """For the next call."""
        self._last_number += 1
        return self._last_number

    def begin(self, call: Call, edition: int, due: float, source: str = "") -> None:
        """``source``: the worker that a fetch is counted for."""
        flight = self._flights[call.number] = Flight(call, edition, due, source)
        self._numbers[call.worker, call.digest] = call.number
        self._of_file.setdefault(call.digest, {})[call.number] = flight
        self._per_worker[call.worker] += 1
        self._per_source[source] += 1

    def end(self, flight: Flight) -> None:
        call = flight.call
        del self._flights[call.number]
        del self._numbers[call.worker, call.digest]
        del self._of_file[call.digest][call.number]
        if not self._of_file[call.digest]:
            del self._of_file[call.digest]
        self._per_worker[call.worker] -= 1
        self._per_source[flight.source] -= 1

    def forget_worker(self, worker: str) -> None:
        """It is gone."""
        for flight in [flight for flight in self if flight.call.worker == worker]:
            self.end(flight)
        del self._per_worker[worker], self._per_source[worker]

    def __iter__(self) -> Iterator[Flight]:
        return iter(self._flights.values())

    def get(self, number: int) -> Flight | None:
        return self._flights.get(number)

    def to(self, worker: str, digest: str) -> Flight | None:
        """The one that is about this file at this worker."""
        return self._flights.get(self._numbers.get((worker, digest), 0))

    def about(self, digest: str) -> list[Flight]:
        """Those about a file."""
        return list(self._of_file.get(digest, {}).values())

    def at(self, worker: str) -> int:
        """How many a worker has."""
        return self._per_worker[worker]

    def from_source(self, source: str) -> int:
        """How many fetches are counted for it."""
        return self._per_source[source]

    def streams(self) -> int:
        """How many workers are being sent pieces, as far as they answer."""
        return sum(isinstance(flight.call, Piece) and not flight.is_late for flight in self)
