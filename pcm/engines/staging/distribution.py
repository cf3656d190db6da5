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

from collections.abc import Mapping
from itertools import count
from math import inf
from typing import Literal

from pcm.engines.staging.flights import Flight, Flights
from pcm.engines.staging.moves import Call, Fetch, Forget, GiveUp, Move, Piece, Publish
from pcm.engines.staging.planning import FETCH_SECONDS, FETCH_TRIES, MANAGER_STREAMS, Planning
from pcm.engines.staging.sources import Sources
from pcm.engines.staging.wants import File, Want

TRIES = 3
"""So often a worker's file may come damaged, or its pieces fail, before it is given up."""
ORPHAN_BYTES_PER_SECOND = 32 << 20
"""The rate once its source is gone: it fails by itself or hangs, unless TaskVine took another."""


class Distribution:
    """Events in, moves out."""

    def __init__(self, per_source: int, *, manager_streams: int = MANAGER_STREAMS) -> None:
        """``per_source``: fetches from one worker at a time, at most; 0: the manager sends all."""
        self._files: dict[str, File] = {}
        self._needs: dict[str, dict[str, frozenset[str]]] = {}
        self._flights = Flights()
        self._sources = Sources(per_source)
        self._asked = count()
        self._bad_fetches: dict[str, int] = {}
        self._planning = Planning(
            self._files,
            self._bad_fetches,
            self._flights,
            self._sources,
            per_source=per_source,
            manager_streams=manager_streams,
        )

    def stagger(self, *, one_by_one: bool) -> None:
        """From now on one transfer from each source at a time, or as many as at first; those that
        are on their way go on."""
        self._sources.stagger(one_by_one=one_by_one)
        self._planning.stagger(one_by_one=one_by_one)

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
                file.unwant(worker)
                file.whole.pop(worker, None)
            if not file.needed_by:
                moves += self._renew(digest, file)
                del self._files[digest]
        return moves + self._planning.moves(now)

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
                self._planning.end(flight)
            return self._planning.moves(now)
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
            # Nothing has become free for others.
            return list(self._planning.bring(digest, file, now))
        return moves + self._planning.moves(now)

    def failed(self, number: int, now: float) -> list[Move]:
        """A call came back without an answer."""
        flight = self._flights.get(number)
        if flight is None:
            return []
        self._planning.end(flight)
        return self._miss(flight) + self._planning.moves(now)

    def left(self, worker: str, now: float) -> list[Move]:
        """The worker is gone."""
        moves: list[Move] = []
        for flight in self._flights.of(worker):
            self._planning.end(flight)
        for digests in self._needs.get(worker, {}).values():
            for digest in digests:
                self._files[digest].unwant(worker)
                self._files[digest].whole.pop(worker, None)
        for digest, file in self._sources.files(worker).items():
            self._sources.remove(worker, digest, file)
            self._excuse(digest, file, worker, now)
            if not file.sources:
                moves += self._renew(digest, file)
        for context in list(self._needs.get(worker, ())):
            moves += self.released(worker, context, now)
        self._needs.pop(worker, None)
        self._sources.forget(worker)
        self._bad_fetches.pop(worker, None)
        return moves + self._planning.moves(now)

    def expired(self, now: float) -> list[Move]:
        """Time has passed: calls that are late are not waited for."""
        moves: list[Move] = []
        for flight in self._flights.due(now):
            call = flight.call
            if isinstance(call, Piece):
                # Not sent another until it answers, but not waited for either.
                self._flights.postpone(flight, inf)
                continue
            self._planning.end(flight)
            moves += self._miss(flight)
            want = self._wanting(call)
            if want is not None:
                # Another fetch would wait for the same transfer.
                want.failed_fetches = FETCH_TRIES
                self._files[call.digest].has_loners = True
        return moves + self._planning.moves(now)

    # -- questions -------------------------------------------------------------------------------

    def next_deadline(self) -> float:
        """When to call ``expired`` next; infinite if there is nothing to wait for."""
        return self._flights.next_due()

    def source_of(self, number: int) -> str:
        """The worker that a fetch is counted for."""
        flight = self._flights.get(number)
        return "" if flight is None else flight.source

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
        want = file.want(worker, next(self._asked), idle=flight is None)
        moves: list[Move] = []
        if worker in file.sources:  # What it published may be as broken as what it had.
            moves += self._renew(digest, file)
        file.whole.pop(worker, None)
        if flight is None or isinstance(flight.call, Publish):
            want.have_bytes = have_bytes
        elif isinstance(flight.call, Piece) and have_bytes != flight.call.offset:
            self._planning.end(flight)
            if have_bytes < flight.call.offset:
                moves += self._fault(worker, digest, file, "the worker does not keep what it gets")
            want.have_bytes = have_bytes
        return moves

    def _whole(self, worker: str, digest: str, file: File, flight: Flight | None) -> list[Move]:
        file.unwant(worker)
        if worker not in file.sources:
            file.whole[worker] = None
        if flight is None or isinstance(flight.call, Publish):
            return []
        self._planning.end(flight)
        if isinstance(flight.call, Fetch):
            self._bad_fetches.pop(worker, None)
            self._sources.absolve(flight.source)
            return self._add_source(worker, digest, file, flight)
        return []

    def _published(self, worker: str, digest: str, file: File, flight: Flight | None) -> list[Move]:
        if flight is None or not isinstance(flight.call, Publish):
            return []
        self._planning.end(flight)
        return self._add_source(worker, digest, file, flight)

    def _add_source(self, worker: str, digest: str, file: File, flight: Flight) -> list[Move]:
        if flight.edition != file.edition or not file.published:
            return []
        if not self._sources.is_trusted(worker):
            return self._renew(digest, file)  # Or TaskVine might have others fetch from it.
        self._sources.add(worker, digest, file)
        return []

    def _damaged(self, worker: str, digest: str, file: File, flight: Flight | None) -> list[Move]:
        if flight is None:
            return []
        self._planning.end(flight)
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
        file.unwant(worker)
        return [GiveUp(worker, digest, f"{problem}, {TRIES} times")]

    def _blame(self, sources: list[str]) -> list[Move]:
        """It may have been any of them."""
        moves: list[Move] = []
        for source in sources:
            self._sources.strike(source)
            if not self._sources.is_trusted(source):
                for digest, file in self._sources.files(source).items():
                    moves += self._renew(digest, file)
        return moves

    def _excuse(self, digest: str, file: File, source: str, now: float) -> None:
        """Fetches that may have been from a worker that is gone."""
        patience = FETCH_SECONDS + file.size_bytes / ORPHAN_BYTES_PER_SECOND
        for flight in self._flights.about(digest):
            if isinstance(flight.call, Fetch):
                flight.excused = True
                if flight.source == source or not file.sources:
                    self._flights.postpone(flight, min(flight.due, now + patience))

    def _wanting(self, call: Call) -> Want | None:
        file = self._files.get(call.digest)
        return None if file is None else file.wants.get(call.worker)

    def _renew(self, digest: str, file: File) -> list[Move]:
        if not file.published:
            return []
        file.edition += 1
        file.published = False
        for source in list(file.sources):
            self._sources.remove(source, digest, file)
            if self.needs(source, digest):
                file.whole[source] = None
        return [Forget(digest)]
