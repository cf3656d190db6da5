"""The chronicle of one run: takes its event log in order, answers questions about any moment."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from pcm.chronicle import estimate, troubles
from pcm.chronicle.batches import Batches
from pcm.chronicle.columns import Unfit, read
from pcm.chronicle.figures import (
    Counts,
    Crew,
    Curves,
    Eta,
    Shares,
    SittingStand,
    Trouble,
)
from pcm.chronicle.fold import Fold
from pcm.chronicle.items import Costs
from pcm.chronicle.lane import Lane, Pieces
from pcm.chronicle.level import View, Window, windows
from pcm.chronicle.loads import Failure, Loads
from pcm.chronicle.news import News, RunState
from pcm.chronicle.totals import Uses
from pcm.core import commands, events
from pcm.core.commands import Score
from pcm.journal import LoggedEvent, entries
from pcm.journal.entries import ActionTaken, ClassStand
from pcm.telemetry.findings import Finding

RATE_SECONDS = 60.0
"""A rate is that of the last so many seconds, or of as many more as give it some results."""
RATE_RESULTS = 20
RATE_SECONDS_MOST = 600.0

Floats = NDArray[np.float64]


class Chronicle:
    """Times are unix seconds by the manager's clock; one that was set back stands still here.

    What is asked about a moment is answered as the log up to there tells it, but for the split and
    the lanes, which know what became of a batch later. A moment after ``last_at`` is taken for one
    at which all still goes on: ask for ``min(at, last_at)`` where no manager is at work. For one
    thread at a time.
    """

    def __init__(self, costs: NDArray[np.float64] | None = None) -> None:
        """``costs``: what the run was told of its items, shape (items,); None: all are alike."""
        self.began_at = self.last_at = 0.0
        self.last_seq = 0
        self.passed_over = 0
        """Entries that could not be read, or that this version does not know."""
        self._fold = Fold(Costs(costs))
        self._news = News()
        self._entry_times, self._entry_seqs = array("d"), array("q")
        self._sittings: list[tuple[float, float | None]] = []
        self._take = self._takers()

    # -- what happened ---------------------------------------------------------------------------

    def take(self, entry: LoggedEvent) -> None:
        """The next entry, in the order of ``seq``. What cannot be read, or cannot be so, is passed
        over: a damaged line must not hide all others."""
        at = max(entry.at, self.last_at)
        self._fold.told()
        if not self.last_seq:
            self.began_at = at
        started = entry.kind == "ManagerStarted"
        if started or not self.is_open:
            self._begin(at)
        self.last_at, self.last_seq = at, entry.seq
        times = self._entry_times
        if times and times[-1] == at:
            self._entry_seqs[-1] = entry.seq
        else:
            times.append(at)
            self._entry_seqs.append(entry.seq)
        if started:
            return
        if entry.kind == "ManagerStopped":
            self._news.stopped(at)
            self._end(at)
            return
        taker = self._take.get(entry.kind)
        if taker is None:
            return
        decoder, handle = taker
        try:
            handle(decoder.decode(entry.body), at)
        except (msgspec.MsgspecError, ArithmeticError, LookupError, TypeError, ValueError, Unfit):
            self.passed_over += 1

    def _begin(self, at: float) -> None:
        if self.is_open:  # It crashed: of its end nothing is known but its last entry.
            self._end(self.last_at)
        self._sittings.append((at, None))
        self._fold.begin(at)
        self._news.began(at)

    def _end(self, at: float) -> None:
        self._fold.end(at)
        self._sittings[-1] = (self._sittings[-1][0], at)

    def _takers(self) -> dict[str, tuple[msgspec.json.Decoder[Any], Callable[[Any, float], None]]]:
        fold, news = self._fold, self._news
        takers: dict[type[msgspec.Struct], Callable[[Any, float], None]] = {
            events.ItemsDone: fold.items_done,
            events.BatchDone: fold.batch_done,
            commands.Dispatch: fold.dispatched,
            events.BatchLost: fold.batch_lost,
            events.WorkerJoined: fold.worker_joined,
            events.WorkerNotice: fold.worker_notice,
            events.WorkerLeft: self._worker_left,
            commands.Retire: fold.retired,
            commands.Load: fold.load_ordered,
            commands.Evict: fold.evict_ordered,
            events.ReplicaChanged: fold.replica_changed,
            events.ReplicaFailed: fold.replica_failed,
            events.RunOpened: fold.run_opened,
            events.ItemsAdded: fold.progress.items_added,
            events.RunPaused: lambda event, at: self._pause(True, at),
            events.RunUnpaused: lambda event, at: self._pause(False, at),
            events.ItemsReopened: lambda event, at: fold.progress.reopened(event.ranges, at),
            commands.GiveUp: fold.progress.gave_up,
            commands.Finish: news.finished,
            events.SkewChanged: news.skew_changed,
            events.ProvisionFailed: lambda event, at: news.provisions.add(at, event),
            Finding: news.found,
            entries.GlideinsStand: news.glideins_stand,
            entries.FileCame: fold.file_came,
            entries.ActionTaken: lambda entry, at: news.actions.add(at, entry),
        }
        return {kind.__name__: (msgspec.json.Decoder(kind), how) for kind, how in takers.items()}

    def _worker_left(self, event: events.WorkerLeft, at: float) -> None:
        self._fold.worker_left(event, at)
        self._news.worker_left(event.worker, at)

    def _pause(self, paused: bool, at: float) -> None:
        self._fold.progress.set_paused(paused, at)
        self._news.paused(paused, at)

    # -- the run ---------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """A sitting has begun, and the log does not tell of its end."""
        return bool(self._sittings) and self._sittings[-1][1] is None

    @property
    def sittings(self) -> list[tuple[float, float | None]]:
        """From when to when a manager worked on the run; None: the log tells of no end."""
        return list(self._sittings)

    def entries_at(self, at: float) -> int:
        """The ``seq`` of the last entry until a moment; 0: none."""
        passed = bisect_right(self._entry_times, at)
        return self._entry_seqs[passed - 1] if passed else 0

    def state(self, at: float) -> RunState:
        """By the log alone, which does not tell of a crash while it is the last thing that was."""
        phase = self._news.phases.last(at)
        return "interrupted" if phase is None else phase.state

    def error(self, at: float) -> str:
        """Why the run failed; empty if it did not."""
        phase = self._news.phases.last(at)
        return "" if phase is None else phase.error

    def worked_seconds(self, at: float) -> float:
        """In which a manager worked on the run."""
        return sum(
            max(0.0, min(at, at if ended is None else ended) - began)
            for began, ended in self._sittings
        )

    def counts(self, at: float) -> Counts:
        finished, held, _, _ = self._fold.progress.steps.at(at)
        rare = self._fold.progress.rare.at(at)
        items, failed, failed_outcomes, given_up, lost, taken, twice = rare
        return Counts(
            items=items,
            finished=finished,
            failed=failed,
            in_flight=held,
            waiting=max(0, items - finished - held),
            retries=max(0, failed_outcomes - given_up),
            batches=bisect_right(self._fold.batches.dispatched_at, at),
            lost_batches=lost,
            evictions=taken,
            duplicates=twice,
        )

    def crew(self, at: float) -> Crew:
        return Crew(*self._fold.crew.at(at))

    def uses(self, times: Floats) -> Uses:
        """Worker seconds by use until each time; arrays of their shape."""
        last = float(times.max()) if len(times) else self.last_at
        return self._fold.uses(times, max(last, self.last_at))

    def split(self, at: float) -> Shares:
        """The same until one moment, as floats."""
        return Shares(*(float(part[0]) for part in self.uses(np.array([at]))))

    def items_per_second(self, at: float) -> float:
        """Of the last minute; where that has few results, of some more."""
        progress = self._fold.progress.steps
        began = next((b for b, _ in reversed(self._sittings) if b <= at), at)
        now = progress.at(at)[0]
        seconds = RATE_SECONDS
        while True:
            since = max(began, at - seconds)
            done = now - progress.at(since)[0]
            if done >= RATE_RESULTS or seconds >= RATE_SECONDS_MOST or since == began:
                return max(0.0, done / (at - since)) if at > since else 0.0
            seconds *= 2.0

    def curves(self, at: float, points: int = 300, start: float | None = None) -> Curves:
        """From ``start``, or the beginning, until a moment."""
        times = np.linspace(self.began_at if start is None else start, at, max(2, points))
        finished = self._fold.progress.steps.sampled(times)[0]
        failed = self._fold.progress.rare.sampled(times)[1]
        crew = self._fold.crew.sampled(times)
        uses = self.uses(times)
        step = max(float(times[1] - times[0]), 1e-9)
        spent = [np.diff(part, prepend=part[:1]) for part in uses]
        total = np.maximum(np.sum(spent, axis=0), 1e-12)
        useful, loading, lost, idle, no_work = (part / total for part in spent)
        return Curves(
            at=times,
            finished=finished.astype(np.int64),
            failed=failed.astype(np.int64),
            items_per_second=np.maximum(np.diff(finished, prepend=finished[:1]) / step, 0.0),
            workers=np.sum(crew, axis=0, dtype=np.int64),
            loading=crew[1].astype(np.int64),
            working=crew[3].astype(np.int64),
            useful=useful,
            loading_share=loading,
            lost=lost,
            idle=idle,
            no_work=no_work,
        )

    def eta(self, at: float) -> Eta | None:
        """None where nothing is known yet, or where the run rests or has ended."""
        if self.state(at) != "running":
            return None
        began = next((began for began, _ in reversed(self._sittings) if began <= at), at)
        return estimate.eta(self._fold, began, at)

    def troubles(self, at: float, state: RunState | None = None) -> list[Trouble]:
        """What a person must know now, worst first. ``state``: of the run, where the caller knows
        more than the log tells (a crash)."""
        began = next((began for began, _ in reversed(self._sittings) if began <= at), at)
        return troubles.troubles(
            self._fold, self._news, state or self.state(at), self.error(at), began, at
        )

    # -- workers and what they did ---------------------------------------------------------------

    @property
    def lanes(self) -> list[Lane]:
        """One for each stay of a worker in a sitting, in the order of joining."""
        return self._fold.lanes

    def lanes_at(self, at: float) -> list[Lane]:
        """Those that had joined."""
        return [lane for lane in self._fold.lanes if lane.joined_at <= at]

    def pieces(self, lane: Lane, at: float) -> Pieces:
        """All that it did until a moment."""
        return lane.within(lane.joined_at, at, at, self._fold.contexts)

    def windows(
        self, lanes: Sequence[Lane], start: float, stop: float, columns: int, at: float
    ) -> list[Window]:
        """What each did from ``start`` to ``stop``, no finer than ``columns``."""
        view = View(start, stop, columns, at)
        return windows(lanes, self._fold.contexts, self._fold.progress.waits, view)

    def batch_ids(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The ids of batches by their rows, -1 where that is -1."""
        return self._fold.batches.ids(rows)

    def last_row(self, lane: Lane, at: float) -> int | None:
        """Of the batch that it was given last."""
        place = lane.row_at(at, self._fold.batches.dispatched_at)
        return lane.rows[place] if place >= 0 else None

    def running(self, lane: Lane, at: float) -> int | None:
        """The row of the batch that it runs; those that wait behind it came later."""
        place = lane.row_at(at, self._fold.batches.dispatched_at)
        ended = self._fold.batches.ended_at
        found = None
        for row in reversed(lane.rows[max(0, place - 15) : place + 1]):
            if not ended[row] <= at:
                found = row
        return found

    def why(self, row: int) -> list[Score]:
        """The terms by which the batch of a row got its worker, the winner's first."""
        return self._fold.batches.why(row)

    def order(self, row: int) -> tuple[int, int, int, float]:
        """Of the batch of a row: its id, items, attempt, and how long it was predicted to take."""
        return self._fold.batches.order(row)

    def batches(self, at: float) -> Batches:
        return self._fold.batches.until(at)

    def skew(self, worker: str, at: float) -> float:
        return self._news.skew(worker, at)

    def stand(self, at: float) -> list[SittingStand]:
        """The sittings until a moment: what a bound on them needs, beside ``batches``."""
        stands = []
        for number, (began, ended) in enumerate(self._sittings):
            if began > at:
                break
            until = at if ended is None else min(ended, at)
            before = self._fold.progress.done_before[number]
            lanes = [one for one in self._fold.lanes if one.sitting == number]
            lanes = [one for one in lanes if one.joined_at <= at]
            after = self._done_after(number, until)
            opened = self._fold.opened.get(number)
            stands.append(SittingStand(began, until, after - before, opened, lanes))
        return stands

    def _done_after(self, sitting: int, until: float) -> float:
        """The cost of what was done until a moment that is in the sitting, or is its end."""
        before = self._fold.progress.done_before
        if self._sittings[sitting][1] == until and sitting + 1 < len(before):
            return before[sitting + 1]
        done: float = self._fold.progress.steps.at(until)[2]
        return done

    # -- contexts and the rest -------------------------------------------------------------------

    @property
    def contexts(self) -> list[str]:
        """Their digests, in the order in which they were named first."""
        return list(self._fold.contexts)

    @property
    def context_names(self) -> dict[str, str]:
        """By digest, of those that have one."""
        return self._fold.context_names

    def loads(self, at: float) -> Loads:
        return self._fold.loads.until(at)

    def load_failures(self, at: float) -> list[Failure]:
        """Loads that failed and processes that died, in their order."""
        failures = self._fold.loads.failures
        return failures[: bisect_right(failures, at, key=lambda failure: failure.at)]

    def context_evictions(self, at: float) -> NDArray[np.int16]:
        """The context of each that was given up on a worker which stayed."""
        return self._fold.loads.evictions(at)

    def moved_bytes(self, context: int, source: str, at: float) -> int:
        """Of a context's files, brought to workers until then: by the ``manager``, or by another
        ``worker``."""
        return self._fold.loads.moved_bytes(context, source, at)

    def findings(self, at: float) -> list[Finding]:
        """As told last: those that last first, causes before effects."""
        return self._news.findings(at)

    def glideins(self, at: float) -> tuple[ClassStand, ...]:
        return self._news.glideins(at)

    def actions(self, at: float) -> list[tuple[float, ActionTaken]]:
        return self._news.actions.until(at)

    def entry_times(self) -> Floats:
        """When entries came, each moment once."""
        return read(self._entry_times)
