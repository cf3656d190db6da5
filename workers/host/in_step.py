"""Whether the ranks of a replica do the same: one that fails alone has left the others waiting."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from functools import partial

import msgspec

from workers.host.agreement import Setback, answer, read_setback
from workers.host.loop import Loop, Timer
from workers.protocol import ErrorReport, ItemResult

STEP_SECONDS = 15.0
"""A call that raised in one rank must come to the same in the others within this time, or within
as long again as it took: they may be waiting for that rank, for ever."""


class InStep:
    """Compares how calls and batches end in the ranks, which are known by their numbers."""

    def __init__(
        self, loop: Loop, lines: Sequence[socket.socket], fall_out: Callable[[str], None]
    ) -> None:
        """``lines``: to the ranks, in order, for their setbacks. ``fall_out`` is told the story
        when they are not in step any more, perhaps more than once."""
        self._loop, self._lines, self._tell = loop, lines, fall_out
        self._ranks = range(len(lines))
        self._setbacks: dict[int, Setback] = {}
        self._ended: set[int] = set()
        self._failed: list[dict[int, ErrorReport]] = []
        """By rank: its failed items, by position."""
        self._since = 0.0
        """When the call began that may run now."""
        self._patience: Timer | None = None
        for rank in self._ranks:
            loop.watch(lines[rank], partial(self._on_setback, rank))
        self.begin()

    def begin(self) -> None:
        """A batch."""
        self._since = time.monotonic()
        self._ended = set()
        self._failed = [{} for _ in self._ranks]

    def results(self, rank: int, results: Sequence[ItemResult]) -> None:
        self._failed[rank].update((r.position, r.error) for r in results if r.error is not None)

    def end(self, rank: int) -> bool:
        """The batch has ended in this rank. True if it has in all, and in the same way."""
        self._ended.add(rank)
        self._compare()
        if len(self._ended) < len(self._ranks):
            return False
        for other in self._ranks[1:]:
            if unlike := self._failed[0].keys() ^ self._failed[other].keys():
                position = min(unlike)
                failing = 0 if position in self._failed[0] else other
                error = self._failed[failing][position]
                self._fall_out(failing, error, [other if failing == 0 else 0], "did not")
                return False
        return True

    def _on_setback(self, rank: int, _: int) -> None:
        try:
            setback = read_setback(self._lines[rank])
        except msgspec.MsgspecError:
            setback = None  # User code wrote to a descriptor that is not its own.
        if setback is None:
            self._loop.unwatch(self._lines[rank])
            return
        self._setbacks[rank] = setback
        self._compare()

    def _compare(self) -> None:
        """Of the ranks in which a call has raised: all go on, or the others are waited for, or
        they are out of step."""
        if not self._setbacks:
            return
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        first, setback = next(iter(self._setbacks.items()))
        late = [rank for rank in self._ranks if rank not in self._setbacks]
        for rank, other in self._setbacks.items():
            if other.course != setback.course:
                words = f"raised {other.error}, or came to it at another item"
                self._fall_out(first, setback.error, [rank], words)
                return
        if self._ended:
            self._fall_out(first, setback.error, sorted(self._ended), "did not")
        elif late:
            seconds = max(STEP_SECONDS, time.monotonic() - self._since)
            words = f"did not come to the same within {seconds:.0f} s"
            self._patience = self._loop.call_later(
                seconds, lambda: self._fall_out(first, setback.error, late, words)
            )
        else:
            self._since = time.monotonic()
            self._setbacks.clear()
            for line in self._lines:
                answer(line)

    def _fall_out(self, rank: int, error: ErrorReport, others: list[int], instead: str) -> None:
        numbers = ", ".join(map(str, others))
        self._tell(
            f"the ranks are out of step: in rank {rank} of {len(self._ranks)} the task raised"
            f" {error}; rank {numbers} {instead}"
        )
