"""What can be begun now for workers that want files: whom the manager sends pieces, who publishes,
who fetches from whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import ceil

from pcm.engines.staging.flights import Flight, Flights
from pcm.engines.staging.moves import Call, Fetch, Move, Piece, Publish
from pcm.engines.staging.sources import Sources
from pcm.engines.staging.wants import File, Want

FETCH_TRIES = 2
"""Of one file at one worker, before it comes in pieces."""
BAD_FETCHES = 3
"""After so many in a row, whatever the files, a worker is brought pieces only."""
CALLS_PER_WORKER = 6
MANAGER_STREAMS = 4
"""How many workers the manager sends pieces at a time, if it is not told otherwise."""
PEER_STREAMS = 2
"""How many workers fetch from one worker at a time, likewise. One is best where it gets all that
the source can send, more where it does not; and one that stands still would block the source."""

PIECE_SECONDS = 60.0
"""A worker that does not answer for so long is not waited for by others."""
PUBLISH_SECONDS = 300.0
"""It may have to copy the file."""
FETCH_SECONDS = 30.0
FETCH_BYTES_PER_SECOND = 1 << 20
"""A fetch may take ``FETCH_SECONDS`` and the time for its size at this rate..."""
FETCH_SECONDS_MAX = 930.0
"""...but not longer: TaskVine itself ends a transfer after 900 s."""


class Planning:
    """Begins calls, and ends them; ``files`` by digest and ``bad_fetches`` by worker are kept by
    the ``Distribution``."""

    def __init__(
        self,
        files: Mapping[str, File],
        bad_fetches: Mapping[str, int],
        flights: Flights,
        sources: Sources,
        *,
        per_source: int,
        manager_streams: int,
    ) -> None:
        self._files, self._bad_fetches = files, bad_fetches
        self._flights, self._sources = flights, sources
        self._per_source, self._manager_streams = per_source, manager_streams
        self._streams_at_first = manager_streams

    def stagger(self, *, one_by_one: bool) -> None:
        """How many pieces the manager sends at a time."""
        at_first = self._streams_at_first
        self._manager_streams = min(1, at_first) if one_by_one else at_first

    def _begin(self, call: Call, file: File, due: float, source: str = "") -> Call:
        self._flights.begin(call, file.edition, due, source)
        file.take(call.worker)
        if source:
            self._sources.begun(source)
        return call

    def end(self, flight: Flight) -> None:
        self._flights.end(flight)
        file = self._files.get(flight.call.digest)
        if file is not None:
            file.rest(flight.call.worker)
        if flight.source:
            self._sources.ended(flight.source)

    def moves(self, now: float) -> list[Move]:
        """The file that is on its way to fewest goes first, then the one that is waited for
        longest: so no context waits until another is everywhere."""
        able = [item for item in self._files.items() if self._may_begin(*item)]
        able.sort(key=lambda item: (self._flights.awaited(item[0]), item[1].idle[0][0]))
        return [move for digest, file in able for move in self.bring(digest, file, now)]

    def bring(self, digest: str, file: File, now: float) -> Iterator[Call]:
        """What can be begun now for the workers that want a file."""
        if not self._may_begin(digest, file):
            return
        place = 0
        while place < len(file.idle) and (file.free or self._can_serve_loners(file)):
            call = self._next_call(file.idle[place][1], digest, file, now)
            if call is None:
                place += 1
            else:
                yield call
        if file.free or not self._per_source:
            return
        publishers = [worker for worker in file.whole if self._sources.is_trusted(worker)]
        if publishers:
            yield from self._publish(digest, file, publishers, now)
        elif not file.sources and not self._flights.awaited(digest):
            yield from self._seed(digest, file, now)

    def _next_call(self, worker: str, digest: str, file: File, now: float) -> Call | None:
        if not self._has_room(worker):
            return None
        if not self._can_fetch(worker, file.wants[worker]):
            can_send = self._flights.streams() < self._manager_streams
            return self._send(worker, digest, file, now) if can_send else None
        source = self._sources.best(file)
        if not source:
            return None
        patience = FETCH_SECONDS + file.size_bytes / FETCH_BYTES_PER_SECOND
        fetch = Fetch(self._flights.number(), worker, digest)
        return self._begin(fetch, file, now + min(patience, FETCH_SECONDS_MAX), source)

    def _seed(self, digest: str, file: File, now: float) -> Iterator[Call]:
        """The first copy goes to the one that lacks least, and among equals to the one that is sent
        least else."""
        if self._flights.streams() >= self._manager_streams:
            return
        worker = max(
            self._waiting(file),
            key=lambda w: (file.wants[w].have_bytes, -self._flights.at(w)),
            default=None,
        )
        if worker is not None:
            yield self._send(worker, digest, file, now)

    def _send(self, worker: str, digest: str, file: File, now: float) -> Call:
        piece = Piece(self._flights.number(), worker, digest, file.wants[worker].have_bytes)
        return self._begin(piece, file, now + PIECE_SECONDS)

    def _may_begin(self, digest: str, file: File) -> bool:
        """Rules most files out at little cost, when there are many workers."""
        if not file.idle:
            return False
        if file.free or file.whole or self._can_serve_loners(file):
            return True
        can_seed = not file.sources and not self._flights.awaited(digest)
        return can_seed and self._flights.streams() < self._manager_streams

    def _can_serve_loners(self, file: File) -> bool:
        """Whether the manager could send pieces to workers that cannot fetch, if there are any."""
        if self._flights.streams() >= self._manager_streams:
            return False
        return file.has_loners or bool(self._bad_fetches) or not self._per_source

    def _publish(
        self, digest: str, file: File, publishers: list[str], now: float
    ) -> Iterator[Call]:
        """More sources for those that wait."""
        flights = self._flights
        publishing = flights.publishing(digest)
        if publishing * self._per_source >= len(file.idle):
            return
        more = ceil(len(self._waiting(file)) / self._per_source) - publishing
        for worker in publishers:
            if more > 0 and flights.to(worker, digest) is None and self._has_room(worker):
                more -= 1
                file.published = True
                publish = Publish(flights.number(), worker, digest)
                yield self._begin(publish, file, now + PUBLISH_SECONDS)

    def _waiting(self, file: File) -> list[str]:
        """Workers that would fetch it."""
        return [
            worker
            for _, worker in file.idle
            if self._has_room(worker) and self._can_fetch(worker, file.wants[worker])
        ]

    def _can_fetch(self, worker: str, want: Want) -> bool:
        if not self._per_source:
            return False
        bad_fetches = self._bad_fetches.get(worker, 0)
        return want.failed_fetches < FETCH_TRIES and bad_fetches < BAD_FETCHES

    def _has_room(self, worker: str) -> bool:
        return self._flights.at(worker) < CALLS_PER_WORKER
