"""What a person must know of a run now, worst first, and what can be done about it."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import Counter
from math import inf
from typing import Literal

import numpy as np

from pcm.chronicle.figures import Trouble
from pcm.chronicle.fold import Fold
from pcm.chronicle.loads import Failure
from pcm.chronicle.news import News, RunState
from pcm.durations import counted, duration

LATELY_SECONDS = 300.0
STALLED_FACTOR = 4.0
STALLED_SECONDS = 60.0
"""No result for so much longer than batches take, and at least so long, is a stall."""
UNKNOWN_BATCH_SECONDS = 120.0
NO_WORKERS_SECONDS = 30.0
LOST_LATELY = 3
FAILED_SHARE = 0.01
MANY_FAILED_SHARE = 0.2
SLOW_FACTOR = 1.3
LOW_SHARE = 0.5
"""Of the workers' time, loading or lost: from there on it is worth a word."""
MOST_ERROR = 200
MOST_OF_A_KIND = 3

_ORDER = {"bad": 0, "warning": 1, "note": 2}


def troubles(
    fold: Fold, news: News, state: RunState, error: str, began: float, at: float
) -> list[Trouble]:
    """``state``: of the run; ``error``: why it failed; ``began``: when the present sitting did."""
    found: list[Trouble] = []
    if state == "failed":
        found.append(Trouble("bad", f"the run failed: {_short(error)}", _mend(error)))
    elif state == "interrupted":
        what = "nobody works on the run: its manager stopped before it was done"
        found.append(Trouble("bad", what, "pcm resume DIR goes on where it stopped"))
    elif state == "cancelled":
        found.append(Trouble("note", "the run was cancelled", "pcm resume DIR takes it up again"))
    look = _Look(fold, news, began, at)
    if state in ("running", "paused"):
        found += [*look.contexts(), *look.glideins(), *look.lost(), *look.findings()]
    if state == "running":
        found += [*look.workers(), *look.stall(), *look.shares()]
    if state == "paused":
        found.append(Trouble("note", "the run is paused", "unpause it to go on"))
    found += look.failed()
    return sorted(found, key=lambda trouble: _ORDER[trouble.grade])


class _Look:
    """At one moment of a sitting."""

    def __init__(self, fold: Fold, news: News, began: float, at: float) -> None:
        self._fold, self._news, self._began, self._at = fold, news, began, at
        self._since = max(began, at - LATELY_SECONDS)
        items, *_ = fold.progress.rare.at(at)
        finished, held, *_ = fold.progress.steps.at(at)
        self._items: int = items
        self._finished: int = finished
        self._held: int = held
        self._crew = fold.crew.at(at)

    @property
    def _left(self) -> int:
        return self._items - self._finished

    def workers(self) -> list[Trouble]:
        if not self._left or sum(self._crew):
            return []
        since = max(self._began, _last(self._fold.crew.times, self._at))
        if self._at - since < NO_WORKERS_SECONDS:
            return []
        what = f"no workers for {duration(self._at - since)}"
        failures = [event for _, event in self._news.provisions.until(self._at, self._since)]
        if failures:
            mend = "see why workers cannot start, then start others: pcm worker DIR"
            return [Trouble("bad", f"{what}: {_short(failures[-1].error)}", mend, "workers")]
        if self._news.glideins(self._at):
            return [Trouble("bad", what, "see how the glideins stand", "glideins")]
        return [Trouble("bad", what, "start some: pcm worker DIR", "workers")]

    def glideins(self) -> list[Trouble]:
        found = []
        for stand in self._news.glideins(self._at):
            why = max(stand.holds, key=lambda hold: stand.holds[hold], default="")
            if stand.held and not stand.queued + stand.running:
                what = f"all {counted(stand.held, 'glidein')} of {stand.name} are held: "
                mend = "mend the cause, then condor_release, or condor_rm them to have new ones"
                found.append(Trouble("bad", what + _short(why), mend, "glideins"))
            elif stand.held:
                what = f"{counted(stand.held, 'glidein')} of {stand.name} held: {_short(why)}"
                mend = "condor_release them once the cause is mended"
                found.append(Trouble("warning", what, mend, "glideins"))
            if stand.trouble:
                grade = _grade(bad=not stand.joined)
                what = f"glideins of {stand.name}: {_short(stand.trouble)}"
                mend = "pcm doctor looks at what glideins need"
                found.append(Trouble(grade, what, mend, "glideins"))
        return found

    def contexts(self) -> list[Trouble]:
        failures = [one for one in self._fold.loads.failures if self._since <= one.at <= self._at]
        digests = list(self._fold.contexts)
        found = []
        for place, number in Counter(one.context for one in failures).most_common(MOST_OF_A_KIND):
            mine = [one for one in failures if one.context == place]
            name = self._fold.context_names.get(digests[place]) or digests[place][:12]
            loading = [one for one in mine if one.loading]
            loads = self._fold.loads.until(self._at)
            came = (loads.context == place) & (loads.ok == 1) & (loads.ended_at >= self._since)
            if loading and not self._is_warm(place) and not came.any():
                what = f"context {name} loads nowhere: {_text(loading[-1])}"
                mend = "mend its loader or what it needs, then resume the run"
                found.append(Trouble("bad", what, mend, "contexts"))
            elif loading:
                what = f"context {name} failed to load {_times(len(loading))}: {_text(loading[-1])}"
                where = "see on which workers it failed"
                found.append(Trouble("warning", what, where, "contexts"))
            died = number - len(loading)
            if died:
                what = f"the process of context {name} died {_times(died)}: {_text(mine[-1])}"
                mend = "out of memory? ask for more, or give smaller batches"
                found.append(Trouble("warning", what, mend, "contexts"))
        return found

    def _is_warm(self, place: int) -> bool:
        there = [x for x in self._fold.lanes if x.left_at is None or x.left_at > self._at]
        for lane in there:
            if lane.joined_at <= self._at:
                held = lane.held(self._at)
                if any(one.context == place and one.status == "warm" for one in held):
                    return True
        return False

    def lost(self) -> list[Trouble]:
        taken = [
            lane
            for lane in self._fold.lanes
            if lane.left_at is not None
            and self._since <= lane.left_at <= self._at
            and lane.left in ("lost", "refused")
        ]
        found = []
        for cause in ("refused", "lost"):
            mine = [lane for lane in taken if lane.left == cause]
            if len(mine) < (LOST_LATELY if cause == "lost" else 1):
                continue
            where = Counter(lane.capacity.host or lane.capacity.pool for lane in mine)
            place, number = where.most_common(1)[0]
            at_one = f", {number} of them at {place}" if len(mine) > 1 and place else ""
            verb = "were lost" if cause == "lost" else "were of no use"
            if len(mine) == 1:
                verb = verb.replace("were", "was")
            details = [lane.left_detail for lane in mine if lane.left_detail]
            why = f": {_short(details[-1])}" if details else ""
            over = duration(self._at - self._since)
            what = f"{counted(len(mine), 'worker')} {verb} in {over}{at_one}{why}"
            mend = "look at the machine" if at_one else "see the workers that left"
            found.append(Trouble(_grade(bad=not sum(self._crew)), what, mend, "workers"))
        return found

    def failed(self) -> list[Trouble]:
        failed = self._fold.progress.rare.at(self._at)[1]
        if not failed:
            return []
        share = failed / max(1, self._finished)
        what = f"{counted(failed, 'item')} failed, {share:.1%} of those that are done"
        mend = "see their errors; once these are mended: retry them"
        if share >= MANY_FAILED_SHARE:
            return [Trouble("bad", what, mend, "items")]
        return [Trouble("warning" if share >= FAILED_SHARE else "note", what, mend, "items")]

    def findings(self) -> list[Trouble]:
        lasting = [
            one
            for one in self._news.findings(self._at)
            if one.until_seconds is None and one.is_root and one.slowdown >= SLOW_FACTOR
        ]
        lasting.sort(key=lambda one: -one.slowdown)
        found = []
        for one in lasting[:MOST_OF_A_KIND]:
            what = f"{one.worker} is {one.slowdown:.1f} times slower: {one.name}"
            found.append(Trouble("warning", what, one.directive, "findings"))
        more = len(lasting) - len(found)
        if more > 0:
            found.append(Trouble("warning", f"{more} more slow workers", "", "findings"))
        return found

    def stall(self) -> list[Trouble]:
        """Batches run, and nothing comes for far longer than they take."""
        if not self._held or not self._left:
            return []
        batches = self._fold.batches
        out = batches.some(batches.out(self._at), self._at)
        if not len(out.id):
            return []
        longest = float(out.predicted.max()) or UNKNOWN_BATCH_SECONDS
        began = float(out.dispatched_at.min())
        since = max(_last(self._fold.progress.result_times, self._at), began)
        silent = self._at - since
        if silent < max(STALLED_SECONDS, STALLED_FACTOR * longest):
            return []
        what = f"no result for {duration(silent)}, though batches should take {duration(longest)}"
        return [Trouble("bad", what, "see what the workers do; drain one that hangs", "workers")]

    def shares(self) -> list[Trouble]:
        if self._at - self._began < LATELY_SECONDS:
            return []
        uses = self._fold.uses(np.array([self._since, self._at]), self._at)
        spent = {use: float(part[1] - part[0]) for use, part in uses._asdict().items()}
        total = sum(spent.values())
        if total <= 0.0:
            return []
        found = []
        if spent["loading"] / total > LOW_SHARE:
            what = f"workers spent {spent['loading'] / total:.0%} of the last 5 minutes loading"
            found.append(Trouble("note", what, "normal at the start of a crew", "contexts"))
        if spent["lost"] / total > LOW_SHARE / 2:
            what = f"{spent['lost'] / total:.0%} of the work of the last 5 minutes was lost"
            mend = "smaller batches lose less when workers are taken or die"
            found.append(Trouble("warning", what, mend, "workers"))
        return found


def _last(times: array[float], at: float) -> float:
    passed = bisect_right(times, at)
    return times[passed - 1] if passed else -inf


def _grade(*, bad: bool) -> Literal["bad", "warning"]:
    return "bad" if bad else "warning"


def _text(failure: Failure) -> str:
    return _short(failure.error or failure.kind.replace("_", " "))


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number:,} times"


def _short(text: str) -> str:
    """The last line of an error, as that of a traceback tells most."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    line = lines[-1] if lines else "no reason was told"
    return line if len(line) <= MOST_ERROR else line[:MOST_ERROR] + "..."


def _mend(error: str) -> str:
    text = error.casefold()
    if "no space left" in text or "disk is full" in text or "full" in text.split():
        return "free some space where the run's directory is, then pcm resume DIR"
    if "damaged" in text or "malformed" in text:
        return "its journal is damaged: keep a copy, and see docs/errors-and-kills.md"
    return "mend the cause, then pcm resume DIR"
