"""Those who look: each has at most one message of a kind waiting, the newest.

So a viewer with a slow line misses what is between, and costs neither memory nor the others' time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from math import inf

import msgspec

from pcm.dashboard.shelf import Shelf
from pcm.dashboard.views import RunHead

MOST_VIEWERS = 100
HEARTBEAT_SECONDS = 5.0
LEAST_SECONDS = 0.5
"""Between two overviews of a run."""
COST_FACTOR = 25
"""The pause before the next one over the CPU time of one: of very large runs they are rarer."""
QUIET_SECONDS = 2.0
"""Between two of a live one in whose log nothing happens: time passes in it all the same."""
HEADS_SECONDS = 1.0
HEARTBEAT = b": still here\n\n"
HELLO = b"retry: 1000\n\n"


class Viewer:
    """``seen``: the last entry that it knew of before it was cut off; it is told nothing older."""

    def __init__(self, run: str, seen: int = 0) -> None:
        self.run = run
        self.seen = seen
        self._waiting: dict[str, bytes] = {}
        self._told = asyncio.Event()
        self._closed = False

    def tell(self, kind: str, message: bytes) -> None:
        self._waiting[kind] = message
        self._told.set()

    def close(self) -> None:
        self._closed = True
        self._told.set()

    async def messages(self) -> AsyncGenerator[bytes, None]:
        """As they go over the line, heartbeats included, until the hub closes."""
        yield HELLO
        while True:
            try:
                await asyncio.wait_for(self._told.wait(), HEARTBEAT_SECONDS)
            except TimeoutError:
                yield HEARTBEAT
                continue
            self._told.clear()
            waiting, self._waiting = self._waiting, {}
            for message in waiting.values():
                yield message
            if self._closed:
                return


class Hub:
    """Tells viewers what is new. For one thread; ``turn`` is called several times a second."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._viewers: set[Viewer] = set()
        self._sent: dict[str, tuple[float, object]] = {}
        """By run: when the next overview may be sent, and what the last one told of."""
        self._heads: object = None
        self._heads_at = -inf
        self._encoder = msgspec.json.Encoder()

    @property
    def viewer_count(self) -> int:
        return len(self._viewers)

    def join(self, run: str, seen: int = 0) -> Viewer | None:
        """None if there are too many already. What it looks at is sent to it soon."""
        if len(self._viewers) >= MOST_VIEWERS:
            return None
        viewer = Viewer(run, seen)
        self._viewers.add(viewer)
        viewer.tell("runs", self._runs_message(self._shelf.heads()))
        self._sent.pop(run, None)
        return viewer

    def leave(self, viewer: Viewer) -> None:
        self._viewers.discard(viewer)

    def close(self) -> None:
        """Tell all how things stand, and end."""
        self._heads, self._heads_at = None, -inf
        self._sent.clear()
        self.turn(time.monotonic(), is_reading=False)
        for viewer in self._viewers:
            viewer.close()

    def turn(self, now: float, *, is_reading: bool) -> None:
        """Send what is due. ``is_reading``: logs are still being read from their beginning."""
        if not self._viewers:
            return
        if now - self._heads_at >= HEADS_SECONDS:
            self._heads_at = now
            heads = self._shelf.heads()
            known = [(head.run, head.name, head.state, head.can_act) for head in heads]
            if known != self._heads:
                self._heads = known
                message = self._runs_message(heads)
                for viewer in self._viewers:
                    viewer.tell("runs", message)
        for run in {viewer.run for viewer in self._viewers}:
            self._send_overview(run, now, is_reading)

    def _send_overview(self, run: str, now: float, is_reading: bool) -> None:
        feed = self._shelf.get(run)
        if feed is None:
            return
        seq = feed.chronicle.last_seq
        state = (seq, feed.standing, feed.trouble)
        due_at, sent = self._sent.get(run, (-inf, None))
        if now < (due_at if state != sent else due_at + QUIET_SECONDS):
            return
        if state == sent and not feed.is_live:
            return
        begun = time.thread_time()
        message = _event("overview", self._encoder.encode(feed.overview()), seq)
        cost = time.thread_time() - begun
        pause = min(max(LEAST_SECONDS, COST_FACTOR * cost), QUIET_SECONDS)
        self._sent[run] = (now + pause, state)
        for viewer in self._viewers:
            # While a log is read anew, who has seen more of it waits.
            if viewer.run == run and (seq >= viewer.seen or not is_reading):
                viewer.tell("overview", message)

    def _runs_message(self, heads: list[RunHead]) -> bytes:
        return _event("runs", self._encoder.encode(heads))


def _event(kind: str, data: bytes, number: int | None = None) -> bytes:
    head = f"id: {number}\nevent: {kind}\n" if number is not None else f"event: {kind}\n"
    return head.encode() + b"data: " + data + b"\n\n"
