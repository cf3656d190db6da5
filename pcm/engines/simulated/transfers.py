"""Weights on their way, in virtual time: carries out what ``Distribution``, which the live engine
asks too, decides.

A context has one file. What the manager sends arrives as one stream, of which the worker reports
when it is whole, and now and then meanwhile; live it reports each piece of 8 MiB.
Publishing takes no time. A fetch comes from the worker that it is counted for, where TaskVine
takes any that has room; if that one leaves, it fails at once. Nothing arrives damaged.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import inf
from typing import Literal, NamedTuple

from pcm.engines.simulated.clock import Clock
from pcm.engines.simulated.pipe import Pipe
from pcm.engines.simulated.scenario import Links
from pcm.engines.staging import Distribution, Fetch, Forget, GiveUp, Move, Piece, Publish

ORIGIN = ""
REPORT_SECONDS = 30.0
"""So often a worker says how much of a file it has; the distribution would wait twice as long."""
Status = Literal["wanted", "whole", "published"]


class _Stream(NamedTuple):
    call: Piece | Fetch
    source: str


class Transfers:
    """Of the weights of all contexts."""

    def __init__(self, clock: Clock, links: Links) -> None:
        self._clock, self._links = clock, links
        self._distribution = Distribution(links.peer_streams, manager_streams=links.origin_streams)
        self._pipes: dict[str, Pipe] = {}
        self._streams: dict[int, _Stream] = {}
        """By the number of the call."""
        self._numbers: dict[tuple[str, str], int] = {}
        """Of the stream to a worker that brings a context."""
        self._sizes: dict[str, int] = {}
        self._have: dict[tuple[str, str], int] = {}
        """Bytes of what is not whole yet, by worker and context."""
        self._arrived: dict[tuple[str, str], Callable[[], None]] = {}
        self._timer_at = inf

    def need(
        self,
        worker: str,
        context: str,
        size_bytes: float,
        arrived: Callable[[], None],
        *,
        has: bool = False,
    ) -> None:
        """The worker is to load the context. ``arrived`` is called when its weights are there; at
        once if it ``has`` them already."""
        size = self._sizes[context] = max(1, round(size_bytes))
        self._distribution.needed(worker, context, {context: size})
        if has:
            self._report(worker, context, "whole", size)
            arrived()
            return
        self._arrived[worker, context] = arrived
        stream = self._streams.get(self._numbers.get((worker, context), 0))
        if stream is not None and isinstance(stream.call, Piece):
            have = stream.call.offset
        else:
            have = self._have.get((worker, context), 0)
        self._report(worker, context, "wanted", have)

    def released(self, worker: str, context: str) -> None:
        """The worker does not need it (any more); what is on its way there still arrives."""
        self._carry_out(self._distribution.released(worker, context, self._clock.now))

    def gone(self, worker: str) -> None:
        """The worker neither waits nor serves any more; whom it served begins again."""
        mine = [n for n, stream in self._streams.items() if stream.call.worker == worker]
        for number in mine:
            self._end(number)
        for known in (self._have, self._arrived):
            for key in [key for key in known if key[0] == worker]:
                del known[key]
        orphans = [n for n, stream in self._streams.items() if stream.source == worker]
        for number in orphans:
            self._end(number)
        self._pipes.pop(worker, None)
        self._carry_out(self._distribution.left(worker, self._clock.now))
        for number in orphans:
            self._carry_out(self._distribution.failed(number, self._clock.now))

    # -- what is done ----------------------------------------------------------------------------

    def _carry_out(self, moves: list[Move]) -> None:
        for move in moves:
            match move:
                case Publish():
                    self._clock.after(0.0, partial(self._published, move))
                case Piece():
                    self._begin(move, ORIGIN, self._sizes[move.digest] - move.offset)
                case Fetch():
                    source = self._distribution.source_of(move.number)
                    self._begin(move, source, self._sizes[move.digest])
                case Forget():
                    pass
                case GiveUp():
                    raise AssertionError(f"nothing fails so often: {move}")
        self._watch_time()

    def _begin(self, call: Piece | Fetch, source: str, size_bytes: int) -> None:
        key = call.worker, call.digest
        if key in self._numbers:  # not waited for any more
            self._end(self._numbers[key])
        self._streams[call.number] = _Stream(call, source)
        self._numbers[key] = call.number
        if source not in self._pipes:
            links = self._links
            rate = links.peer_bytes_per_second if source else links.origin_bytes_per_second
            self._pipes[source] = Pipe(self._clock, rate, links.stream_bytes_per_second)
        self._pipes[source].begin(call.number, size_bytes, partial(self._done, call))
        if isinstance(call, Piece):
            self._clock.after(REPORT_SECONDS, partial(self._go_on, call))

    def _end(self, number: int) -> float:
        """Bytes that it brought."""
        stream = self._streams.pop(number)
        del self._numbers[stream.call.worker, stream.call.digest]
        return self._pipes[stream.source].end(number)

    def _done(self, call: Piece | Fetch) -> None:
        key = call.worker, call.digest
        del self._streams[call.number], self._numbers[key]
        self._have.pop(key, None)
        self._report(*key, "whole", self._sizes[call.digest])
        self._arrived.pop(key)()

    def _go_on(self, call: Piece) -> None:
        """It is not whole yet; the worker says how much it has, and is sent more."""
        if call.number in self._streams:
            have = call.offset + max(1, int(self._end(call.number)))
            self._have[call.worker, call.digest] = have
            self._report(call.worker, call.digest, "wanted", have)

    def _published(self, call: Publish) -> None:
        self._report(call.worker, call.digest, "published", self._sizes[call.digest])

    def _report(self, worker: str, context: str, status: Status, have_bytes: int) -> None:
        now = self._clock.now
        moves = self._distribution.reported(worker, context, status, have_bytes, now)
        self._carry_out(moves)

    # -- time ------------------------------------------------------------------------------------

    def _watch_time(self) -> None:
        due = self._distribution.next_deadline()
        if due < self._timer_at:
            self._timer_at = due
            self._clock.at(due, self._on_time)

    def _on_time(self) -> None:
        self._timer_at = inf
        self._carry_out(self._distribution.expired(self._clock.now))
