"""Which entries of an event log are about a worker, a batch or an item.

Entries name what they are about: outcomes their batch, batches their worker and their items when
they are sent. So a log has to be gone through from its beginning, in order.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pcm.journal.records import LoggedEvent


class Selection:
    """What is None is not asked for; what is asked for must all be so. ``since``: unix seconds."""

    def __init__(
        self,
        *,
        kinds: frozenset[str] | None = None,
        worker: str | None = None,
        batch: int | None = None,
        item: int | None = None,
        since: float | None = None,
    ) -> None:
        self._kinds, self._worker, self._batch = kinds, worker, batch
        self._item, self._since = item, since
        self._workers: dict[int, str] = {}
        """By batch, of this sitting: numbers begin anew in the next."""
        self._positions: dict[int, int] = {}
        """By batch that has the item: where it is in it."""

    def takes(self, entry: LoggedEvent) -> bool:
        """Call for all entries in order. Raises msgspec.MsgspecError for one that is no JSON."""
        about = self._worker is not None or self._batch is not None or self._item is not None
        if about and not self._is_about(entry):
            return False
        return (self._kinds is None or entry.kind in self._kinds) and (
            self._since is None or entry.at >= self._since
        )

    def _is_about(self, entry: LoggedEvent) -> bool:
        if entry.kind == "ManagerStarted":
            self._workers.clear()
            self._positions.clear()
        body = msgspec.json.decode(entry.body)
        batch = body.get("batch")
        if entry.kind == "Dispatch":
            self._workers[batch] = body["worker"]
            position = _position(body["ranges"], self._item)
            if position is not None:
                self._positions[batch] = position
        worker = body.get("worker", self._workers.get(batch))
        return (
            (self._worker is None or worker == self._worker)
            and (self._batch is None or batch == self._batch)
            and (self._item is None or self._has_item(entry.kind, body))
        )

    def _has_item(self, kind: str, body: dict[str, Any]) -> bool:
        if kind == "GiveUp":
            return bool(body["item"] == self._item)
        if kind == "ItemsReopened":
            return _position(body["ranges"], self._item) is not None
        position = self._positions.get(body.get("batch", 0))
        if position is None:
            return False
        return kind != "ItemsDone" or position in (*body["finished"], *body.get("failed", ()))


def _position(ranges: list[list[int]], item: int | None) -> int | None:
    """Where it is in half-open ranges; None if it is not."""
    before = 0
    for start, stop in ranges:
        if item is not None and start <= item < stop:
            return before + item - start
        before += stop - start
    return None
