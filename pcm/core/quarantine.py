"""Items that come back from a lost batch: which of them are suspect, and how a killer is found.

What must hold: an item that kills whatever runs it is given up after few deaths, whoever it was
batched with; and no innocent item is, though it was in flight beside a killer, or on workers that
their owners took.

- Nothing is charged when a worker is evicted or retired, when a batch had not started, or when a
  replica was not there: most losses of an opportunistic pool are of this sort.
- A death is charged to every item that was in flight in the batch which was running. Being charged
  alone never condemns: quarantine asks for ``quarantine_deaths`` deaths of which the last
  ``quarantine_alone`` found the item *alone* in its batch. An innocent item that is run alone
  finishes, and its record ends; only a second and third unrelated death in just its own two short
  batches could condemn it.
- After a death the first item without an outcome is the likely killer, since tasks give their
  results in order (a generator) or fail before the first (a list): it is tried alone at once. The
  others are tried among themselves, in batches of half the size: if one of them is a killer, it is
  now first of a smaller batch, or else its batch-mates have two deaths and are tried alone. So a
  killer that is first dies 3 times in all (one shared death and two alone, the least that the rule
  allows), any other at most 4 times: shared, shared, alone, alone.
- Workers are lost in waves, and long items see many losses. So a death also counts by how likely it
  is that the worker was lost by itself (``pcm.core.losses``): as long as that explains all deaths
  of an item, it is tried again.
- A broken worker or context must not be mistaken for a killer. A replica that has died since it
  last finished anything is *unproven* and gets suspects only when nothing else waits, the lesser
  ones first: with other items it either proves itself or is found out (see ``pcm.core.faults``).
  An item goes to a worker where it has not died before as long as there is one.
- A killer may only be slow: each missed deadline makes the next lease of its item longer.
"""

from __future__ import annotations

from collections import deque

from pcm.core.basis import Basis
from pcm.core.batch import Batch
from pcm.core.commands import GiveUp
from pcm.core.items import FAILED, Cut, Span, spans_of
from pcm.core.run import Run
from pcm.core.suspects import Group, Suspect
from pcm.core.worker import Worker

SUSPECTS_LOOKED_AT = 8


class Quarantine:
    def __init__(self, basis: Basis) -> None:
        self._state, self._policy, self._orders = basis.state, basis.policy, basis.orders

    def give_back(self, run: Run, batch: Batch, items: list[int], *, started: bool) -> None:
        """Items of a lost batch wait again, at the front, with nothing held against them."""
        attempt = batch.attempt + started
        records = run.suspects.records
        for start, stop in reversed(spans_of(items)):
            run.items.give_back(start, stop)
            span = Span(start, stop, attempt)
            if not (records and any(item in records for item in range(start, stop))):
                run.items.lane.appendleft(span)
            elif batch.alone:
                records[start].attempt = attempt
                run.suspects.alone.appendleft(start)
            else:
                run.suspects.groups.appendleft(Group(deque([span]), batch.count))

    def charge(
        self,
        run: Run,
        batch: Batch,
        items: list[int],
        cause: str,
        *,
        slow: bool,
        chance: float = 0.0,
    ) -> None:
        """Note a death of a running batch in the records of its unfinished items, and decide how
        each is tried again or that it is given up. ``chance``: that it had another cause."""
        line = f"attempt {batch.attempt} on worker {batch.worker}: {cause}"
        together: list[int] = []
        alone: list[int] = []
        for position, item in enumerate(items):
            record = run.suspects.record_of(item)
            record.attempt = batch.attempt + 1
            record.deaths += 1
            record.alone = record.alone + 1 if batch.alone else 0
            record.chance *= max(chance, self._policy.death_chance)
            record.slow += slow
            record.workers.add(batch.worker)
            record.history.append(line)
            if (
                record.deaths >= self._policy.quarantine_deaths
                and record.alone >= self._policy.quarantine_alone
                and record.chance * run.suspects.met <= self._policy.quarantine_chance
            ):
                self._give_up(run, item, record)
                continue
            run.items.give_back(item, item + 1)
            (alone if position == 0 or record.deaths >= 2 else together).append(item)
        # In front, so that a trial once begun is brought to its end.
        run.suspects.alone.extendleft(reversed(alone))
        if together:
            lane = deque(Span(start, stop, batch.attempt + 1) for start, stop in spans_of(together))
            run.suspects.groups.appendleft(Group(lane, max(1, (batch.count + 1) // 2)))

    def _give_up(self, run: Run, item: int, record: Suspect) -> None:
        run.items.settle(item, FAILED)
        del run.suspects.records[item]
        run.failures.pop(item, None)
        self._orders.add(
            GiveUp(run.id, item, "quarantined", self._orders.cause, tuple(record.history))
        )
        context = self._state.contexts[run.context]
        if context.has_finished:
            # The deaths are explained: they say nothing against the replicas.
            for id_ in record.workers:
                if id_ in self._state.workers:
                    self._state.workers[id_].deaths.pop(context.id, None)
                if id_ in context.exclusions and context.exclusions[id_].kind == "died":
                    del context.exclusions[id_]

    # -- trials ----------------------------------------------------------------------------------

    def take(
        self, run: Run, worker: Worker, items_max: int, cost_max: float, *, proven: bool
    ) -> Cut | None:
        """The next trial that may be held on this worker, put in flight. One that is not proven
        gets the lesser suspects first."""
        if proven:
            return self._take_alone(run, worker) or self._take_group(run, items_max, cost_max)
        return self._take_group(run, items_max, cost_max) or self._take_alone(run, worker)

    def _take_alone(self, run: Run, worker: Worker) -> Cut | None:
        suspects = run.suspects
        for index in range(min(len(suspects.alone), SUSPECTS_LOOKED_AT)):
            item = suspects.alone[index]
            record = suspects.records[item]
            if worker.id in record.workers and self._elsewhere(run, record):
                continue
            del suspects.alone[index]
            return run.items.take_one(item, record.attempt)
        return None

    def _take_group(self, run: Run, items_max: int, cost_max: float) -> Cut | None:
        groups = run.suspects.groups
        while groups:
            group = groups[0]
            cut = run.items.take(group.lane, min(group.items_max, items_max), cost_max)
            if not group.lane:
                groups.popleft()
            if cut is not None:
                return cut
        return None

    def _elsewhere(self, run: Run, record: Suspect) -> bool:
        """Whether there is a warm worker where the item has not died."""
        return any(
            id_ not in record.workers and self._state.can_dispatch(id_, run.context) is not None
            for id_ in self._state.contexts[run.context].warm
        )
