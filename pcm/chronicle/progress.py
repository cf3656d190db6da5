"""How far a run is: its items counted, with the moment from which on each number is so."""

from __future__ import annotations

from array import array

import numpy as np

from pcm.chronicle.batches import OpenBatch
from pcm.chronicle.columns import Steps
from pcm.chronicle.items import Costs, Items
from pcm.chronicle.waits import Waits
from pcm.core.commands import GiveUp
from pcm.core.events import ItemsAdded, ItemsDone


class Progress:
    """Times are unix seconds, and only grow."""

    def __init__(self, costs: Costs) -> None:
        self.costs = costs
        self.items = Items()
        self.waits = Waits()
        self.steps = Steps("iidd")
        """Items finished (failed ones too) and in batches; the cost of what was done (results, and
        items whose task raised to the end), and of the items that are left."""
        self.rare = Steps("iiiiiii")
        """Items, failed, failed outcomes, given up as failed, lost batches, workers taken, and
        duplicates."""
        self.result_times = array("d")
        """When results came, each moment once."""
        self.done_before: list[float] = []
        """The cost of what was done before each sitting."""
        self.lost_batches = self.workers_taken = 0
        self._paused = self._told_items = False
        self._failed_items: set[int] = set()
        """Given up as failed in this sitting."""
        self._item_count = costs.count
        self._finished = self._failed = 0
        self._failed_outcomes = self._given_up = self._duplicates = 0
        self._cost_done = self._cost_failed = self._cost_quarantined = 0.0

    def begin_sitting(self, at: float) -> None:
        self.done_before.append(self._cost_done + self._cost_failed)
        self._told_items = self._paused = False
        self._failed_items.clear()
        self.end_sitting(at)

    def end_sitting(self, at: float) -> None:
        self.items.begin_sitting()
        self.note_rare(at)
        self.look(at)

    def items_added(self, event: ItemsAdded, at: float) -> None:
        """In the log there are counts in place of arrays."""
        count = int(event.costs["count"])
        finished = int(event.finished["sum"]) if event.finished else 0
        self.items.open += count - finished
        if self._told_items:
            self._item_count += count
            self._finished += finished
        else:
            # All items of the run, with what came of them in the sittings before.
            self._told_items = True
            self._item_count, self._finished = count, finished
            if finished != self.items.with_result + self._failed:
                self._forget_given_up(max(0, finished - self.items.with_result))
        self.note_rare(at)
        self.look(at)

    def _forget_given_up(self, failed: int) -> None:
        """So many are given up still; the others wait again, as a resumed run may want it."""
        share = min(1.0, failed / self._failed) if self._failed else 1.0
        given_up = self._cost_failed + self._cost_quarantined
        self._cost_quarantined = share * given_up - self._cost_failed
        self._failed = failed

    def set_paused(self, paused: bool, at: float) -> None:
        self._paused = paused
        self.look(at)

    def gave_up(self, command: GiveUp, at: float) -> None:
        cost = self.costs.of(slice(command.item, command.item + 1))
        if command.kind == "failed":
            self._given_up += 1
            self._failed_items.add(command.item)
            self._cost_failed += cost
        else:
            self._cost_quarantined += cost
        self._failed += 1
        self._finished += 1
        self.items.gave_up(command.item)
        self.note_rare(at)
        self.look(at)

    def reopened(self, ranges: tuple[tuple[int, int], ...], at: float) -> None:
        for start, stop in ranges:
            self.items.reopened(start, stop)
            self._finished -= stop - start
            self._failed = max(0, self._failed - (stop - start))
            again = sorted(item for item in self._failed_items if start <= item < stop)
            self._failed_items.difference_update(again)
            self._given_up -= len(again)
            cost = self.costs.of(np.array(again, np.int64))
            self._cost_failed -= cost
            # Those of another sitting were done in that.
            self._cost_quarantined -= self.costs.of(slice(start, stop)) - cost
        self.note_rare(at)
        self.look(at)

    def items_done(self, batch: OpenBatch | None, event: ItemsDone, at: float) -> None:
        """``batch``: None if it is not out."""
        self._failed_outcomes += len(event.failed)
        if batch is None:
            self.note_rare(at)
            return
        batch.last_outcome_at = at
        times = self.result_times
        if event.finished and (not times or times[-1] != at):
            times.append(at)
        if not batch.outcomes and len(event.finished) == batch.count:
            whole = batch.all_items
            if isinstance(whole, slice) and self.items.batch_finished(whole):
                batch.outcomes = batch.kept = batch.count
                self._finished += batch.count
                self._cost_done += self.costs.of(whole)
                self.look(at)
                return
        kept, new = self.items.finished(batch.items_at(event.finished))
        batch.kept += kept
        self._finished += kept
        self._cost_done += self.costs.of(new)
        both = (*event.finished, *event.failed) if event.failed else event.finished
        self.items.returned(batch.leave(both))
        twice = len(event.finished) - kept
        if event.failed or twice:
            self._duplicates += twice
            self.note_rare(at)
        self.look(at)

    def look(self, at: float) -> None:
        """Whether something waits, and how far the run is."""
        items = self.items
        self.waits.changed(at, items.open > items.held and not self._paused)
        done = self._cost_done + self._cost_failed
        if self._finished == items.with_result + self._failed:
            left = self.costs.of_all(self._item_count) - done - self._cost_quarantined
        else:  # The log does not tell of all.
            left = items.open * self.costs.mean
        self.steps.note(at, self._finished, items.held, done, left)

    def note_rare(self, at: float) -> None:
        self.rare.note(
            at,
            self._item_count,
            self._failed,
            self._failed_outcomes,
            self._given_up,
            self.lost_batches,
            self.workers_taken,
            self._duplicates,
        )
