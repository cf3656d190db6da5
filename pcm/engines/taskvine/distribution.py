"""Who is brought which file from whom: decisions only, with no I/O and no clock of its own.

The manager sends a file once, in pieces, to one of the workers that want it. That one publishes it,
the others fetch it, and whoever has fetched it is a source for the rest: so many fetches per source
at a time. What fails is tried again, then the file comes in pieces, since there are workers that
cannot reach each other. If all sources are gone it begins again, with the worker that has most.

TaskVine picks the source of each fetch at random; the source that is noted here is whom the fetch
is counted for, which keeps the number per source right on average, and TaskVine keeps it to the
same limit exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import ceil, inf
from typing import Literal

from pcm.engines.taskvine.flights import Flight, Flights
from pcm.engines.taskvine.moves import Call, Fetch, Forget, GiveUp, Move, Piece, Publish
from pcm.engines.taskvine.wants import File, Want

TRIES = 3
"""So often a worker's file may come damaged, or its pieces fail, before it is given up."""
FETCH_TRIES = 2
"""Of one file at one worker, before it comes in pieces."""
BAD_FETCHES = 3
"""After so many in a row, whatever the files, a worker is brought pieces only."""
STRIKES = 4
"""After so many failed fetches from it in a row a worker is no source. After one more TaskVine
would drop its connection."""
CALLS_PER_WORKER = 6
MANAGER_STREAMS = 4
"""How many workers are sent pieces at a time."""

PIECE_SECONDS = 60.0
"""A worker that does not answer for so long is not waited for by others."""
PUBLISH_SECONDS = 300.0
"""It may have to copy the file."""
FETCH_SECONDS = 30.0
FETCH_BYTES_PER_SECOND = 1 << 20
"""A fetch may take ``FETCH_SECONDS`` and the time for its size at this rate..."""
FETCH_SECONDS_MAX = 930.0
"""...but not longer: TaskVine itself ends a transfer after 900 s."""
ORPHAN_BYTES_PER_SECOND = 32 << 20
"""The rate once its source is gone: it fails by itself or hangs, unless TaskVine took another."""


class Distribution:
    """Events in, moves out."""

    def __init__(self, per_source: int) -> None:
        """``per_source``: fetches from one worker at a time, at most; 0: the manager sends all."""
        self._per_source = per_source
        self._files: dict[str, File] = {}
        self._needs: dict[str, dict[str, frozenset[str]]] = {}
        self._flights = Flights()
        self._strikes: dict[str, int] = {}
        self._bad_fetches: dict[str, int] = {}

    # -- events ----------------------------------------------------------------------------------

    def needed(self, worker: str, context: str, files: Mapping[str, int]) -> None:
        """The worker was told to load the context; ``files`` are digests and sizes."""
        contexts = self._needs.setdefault(worker, {})
        before = contexts.get(context, frozenset())
        contexts[context] = frozenset(files)
        for digest in contexts[context] - before:
            self._files.setdefault(digest, File(files[digest])).needed_by += 1

    def released(self, worker: str, context: str, now: float) -> list[Move]:
        """The worker does not have the context (any more), nor waits for its files."""
        contexts = self._needs.get(worker, {})
        moves: list[Move] = []
        for digest in contexts.pop(context, frozenset()):
            file = self._files[digest]
            file.needed_by -= 1
            if not any(digest in digests for digests in contexts.values()):
                file.wants.pop(worker, None)
                file.whole.pop(worker, None)
            if not file.needed_by:
                moves += self._renew(digest, file)
                del self._files[digest]
        return moves + self._plan(now)

    def reported(
        self,
        worker: str,
        digest: str,
        status: Literal["wanted", "whole", "damaged", "published"],
        have_bytes: int,
        now: float,
    ) -> list[Move]:
        """What the worker says that it has (see ``workers.protocol.FileState``)."""
        flight = self._flights.to(worker, digest)
        file = self._files.get(digest)
        if file is None or not self.needs(worker, digest):
            if flight is not None:
                self._flights.end(flight)
            return self._plan(now)
        have_bytes = min(max(have_bytes, 0), file.size_bytes)
        match status:
            case "wanted":
                moves = self._wanted(worker, digest, file, flight, have_bytes)
            case "whole":
                moves = self._whole(worker, digest, file, flight)
            case "published":
                moves = self._published(worker, digest, file, flight)
            case "damaged":
                moves = self._damaged(worker, digest, file, flight)
        if not moves and (flight is None or self._flights.to(worker, digest) is flight):
            return list(self._bring(digest, file, now))  # Nothing has become free for others.
        return moves + self._plan(now)

    def failed(self, number: int, now: float) -> list[Move]:
        """A call came back without an answer."""
        flight = self._flights.get(number)
        if flight is None:
            return []
        self._flights.end(flight)
        return self._miss(flight) + self._plan(now)

    def left(self, worker: str, now: float) -> list[Move]:
        """The worker is gone."""
        moves: list[Move] = []
        self._flights.forget_worker(worker)
        for digest, file in self._files.items():
            file.wants.pop(worker, None)
            file.whole.pop(worker, None)
            if worker in file.sources:
                del file.sources[worker]
                self._excuse(digest, file, worker, now)
                if not file.sources:
                    moves += self._renew(digest, file)
        for context in list(self._needs.get(worker, ())):
            moves += self.released(worker, context, now)
        self._needs.pop(worker, None)
        self._strikes.pop(worker, None)
        self._bad_fetches.pop(worker, None)
        return moves + self._plan(now)

    def expired(self, now: float) -> list[Move]:
        """Time has passed: calls that are late are not waited for."""
        moves: list[Move] = []
        for flight in [flight for flight in self._flights if flight.due <= now]:
            call = flight.call
            if isinstance(call, Piece):
                flight.due = inf  # Not sent another until it answers, but not waited for either.
                continue
            self._flights.end(flight)
            moves += self._miss(flight)
            want = self._wanting(call)
            if want is not None:
                # Another fetch would wait for the same transfer.
                want.failed_fetches = FETCH_TRIES
                self._files[call.digest].has_loners = True
        return moves + self._plan(now)

    # -- questions -------------------------------------------------------------------------------

    def next_deadline(self) -> float:
        """When to call ``expired`` next; infinite if there is nothing to wait for."""
        return min((flight.due for flight in self._flights), default=inf)

    def is_fetching(self, worker: str, digest: str) -> bool:
        flight = self._flights.to(worker, digest)
        return flight is not None and isinstance(flight.call, Fetch)

    def needs(self, worker: str, digest: str) -> bool:
        return bool(self.contexts(worker, digest))

    def contexts(self, worker: str, digest: str) -> list[str]:
        """Those on the worker that the file is for."""
        contexts = self._needs.get(worker, {})
        return [context for context, digests in contexts.items() if digest in digests]

    # -- what is reported ------------------------------------------------------------------------

    def _wanted(
        self, worker: str, digest: str, file: File, flight: Flight | None, have_bytes: int
    ) -> list[Move]:
        want = file.wants.setdefault(worker, Want())
        file.whole.pop(worker, None)
        moves: list[Move] = []
        if worker in file.sources:  # What it published may be as broken as what it had.
            moves += self._renew(digest, file)
        if flight is None or isinstance(flight.call, Publish):
            want.have_bytes = have_bytes
        elif isinstance(flight.call, Piece) and have_bytes != flight.call.offset:
            self._flights.end(flight)
            if have_bytes < flight.call.offset:
                moves += self._fault(worker, digest, file, "the worker does not keep what it gets")
            want.have_bytes = have_bytes
        return moves

    def _whole(self, worker: str, digest: str, file: File, flight: Flight | None) -> list[Move]:
        file.wants.pop(worker, None)
        file.whole[worker] = None
        if flight is None or isinstance(flight.call, Publish):
            return []
        self._flights.end(flight)
        if isinstance(flight.call, Fetch):
            self._bad_fetches.pop(worker, None)
            self._strikes.pop(flight.source, None)
            return self._add_source(worker, digest, file, flight)
        return []

    def _published(self, worker: str, digest: str, file: File, flight: Flight | None) -> list[Move]:
        if flight is None or not isinstance(flight.call, Publish):
            return []
        self._flights.end(flight)
        return self._add_source(worker, digest, file, flight)

    def _add_source(self, worker: str, digest: str, file: File, flight: Flight) -> list[Move]:
        if flight.edition != file.edition or not file.published:
            return []
        if self._strikes.get(worker, 0) >= STRIKES:
            return self._renew(digest, file)  # Or TaskVine might have others fetch from it.
        file.sources[worker] = None
        return []

    def _damaged(self, worker: str, digest: str, file: File, flight: Flight | None) -> list[Move]:
        if flight is None:
            return []
        self._flights.end(flight)
        if isinstance(flight.call, Publish):
            file.whole.pop(worker, None)
            return self._renew(digest, file) if flight.edition == file.edition else []
        moves = self._miss(flight) if isinstance(flight.call, Fetch) else []
        if isinstance(flight.call, Fetch) and flight.edition == file.edition:
            moves += self._renew(digest, file)
        if worker in file.wants:
            file.wants[worker].have_bytes = 0
        return moves + self._fault(worker, digest, file, "it arrived damaged")

    # -- faults ----------------------------------------------------------------------------------

    def _miss(self, flight: Flight) -> list[Move]:
        """A call did not do what it should."""
        call = flight.call
        file = self._files.get(call.digest)
        if file is None:
            return []
        match call:
            case Publish():
                file.whole.pop(call.worker, None)
                return []
            case Piece():
                problem = "its pieces could not be sent"
                return self._fault(call.worker, call.digest, file, problem)
            case Fetch():
                if flight.excused or flight.edition != file.edition:
                    return []
                want = self._wanting(call)
                if want is not None:
                    want.failed_fetches += 1
                    file.has_loners |= want.failed_fetches >= FETCH_TRIES
                bad = self._bad_fetches.get(call.worker, 0)
                self._bad_fetches[call.worker] = bad + 1
                return self._blame(list(file.sources))

    def _fault(self, worker: str, digest: str, file: File, problem: str) -> list[Move]:
        want = file.wants.get(worker)
        if want is None:
            return []
        want.failures += 1
        if want.failures < TRIES:
            return []
        del file.wants[worker]
        return [GiveUp(worker, digest, f"{problem}, {TRIES} times")]

    def _blame(self, sources: list[str]) -> list[Move]:
        """It may have been any of them."""
        moves: list[Move] = []
        for source in sources:
            self._strikes[source] = self._strikes.get(source, 0) + 1
            if self._strikes[source] >= STRIKES:
                for digest, file in self._files.items():
                    if source in file.sources:
                        moves += self._renew(digest, file)
        return moves

    def _excuse(self, digest: str, file: File, source: str, now: float) -> None:
        """Fetches that may have been from a worker that is gone."""
        patience = FETCH_SECONDS + file.size_bytes / ORPHAN_BYTES_PER_SECOND
        for flight in self._flights.about(digest):
            if isinstance(flight.call, Fetch):
                flight.excused = True
                if flight.source == source or not file.sources:
                    flight.due = min(flight.due, now + patience)

    def _wanting(self, call: Call) -> Want | None:
        file = self._files.get(call.digest)
        return None if file is None else file.wants.get(call.worker)

    def _renew(self, digest: str, file: File) -> list[Move]:
        if not file.published:
            return []
        file.edition += 1
        file.published = False
        file.sources.clear()
        return [Forget(digest)]

    # -- decisions -------------------------------------------------------------------------------

    def _plan(self, now: float) -> list[Move]:
        return [
            move for digest, file in self._files.items() for move in self._bring(digest, file, now)
        ]

    def _bring(self, digest: str, file: File, now: float) -> Iterator[Call]:
        """What can be begun now for the workers that want a file."""
        flights = self._flights
        if not self._may_begin(digest, file):
            return
        idle = [w for w in file.wants if flights.to(w, digest) is None and self._has_room(w)]
        fetching = [w for w in idle if self._can_fetch(w, file.wants[w])]
        alone = [w for w in idle if w not in fetching]
        while fetching and (source := self._source(file)):
            patience = FETCH_SECONDS + file.size_bytes / FETCH_BYTES_PER_SECOND
            fetch = Fetch(flights.number(), fetching.pop(0), digest)
            flights.begin(fetch, file.edition, now + min(patience, FETCH_SECONDS_MAX), source)
            yield fetch
        publishers = [w for w in file.whole if self._strikes.get(w, 0) < STRIKES]
        if fetching:
            yield from self._publish(digest, file, publishers, len(fetching), now)
        if fetching and not (file.sources or publishers or self._is_coming(digest)):
            # The one that lacks least, and among equals the one that is sent least else.
            alone.append(max(fetching, key=lambda w: (file.wants[w].have_bytes, -flights.at(w))))
        for worker in alone:
            if flights.streams() < MANAGER_STREAMS:
                piece = Piece(flights.number(), worker, digest, file.wants[worker].have_bytes)
                flights.begin(piece, file.edition, now + PIECE_SECONDS)
                yield piece

    def _may_begin(self, digest: str, file: File) -> bool:
        """Rules most files out at little cost, when there are many workers."""
        if not file.wants:
            return False
        if file.has_loners or self._bad_fetches or not self._per_source:
            return True
        if file.sources or file.whole:
            return len(file.whole) > len(file.sources) or bool(self._source(file))
        return self._flights.streams() < MANAGER_STREAMS and not self._is_coming(digest)

    def _publish(
        self, digest: str, file: File, publishers: list[str], waiting: int, now: float
    ) -> Iterator[Call]:
        """More sources for so many that wait."""
        flights = self._flights
        publishing = [f for f in flights.about(digest) if isinstance(f.call, Publish)]
        more = ceil(waiting / self._per_source) - len(publishing)
        for worker in publishers:
            if (
                more > 0
                and worker not in file.sources
                and flights.to(worker, digest) is None
                and self._has_room(worker)
            ):
                more -= 1
                file.published = True
                publish = Publish(flights.number(), worker, digest)
                flights.begin(publish, file.edition, now + PUBLISH_SECONDS)
                yield publish

    def _source(self, file: File) -> str:
        """The one with the fewest fetches that has room for another; empty if there is none."""
        load = self._flights.from_source
        best = min(file.sources, key=load, default="")
        # None is to have more fetches than it may have failures.
        room = min(self._per_source, STRIKES - self._strikes.get(best, 0))
        return best if best and load(best) < room else ""

    def _can_fetch(self, worker: str, want: Want) -> bool:
        if not self._per_source:
            return False
        bad_fetches = self._bad_fetches.get(worker, 0)
        return want.failed_fetches < FETCH_TRIES and bad_fetches < BAD_FETCHES

    def _is_coming(self, digest: str) -> bool:
        """Whether a copy is on its way that others will be able to fetch."""
        return any(not flight.is_late for flight in self._flights.about(digest))

    def _has_room(self, worker: str) -> bool:
        return self._flights.at(worker) < CALLS_PER_WORKER
