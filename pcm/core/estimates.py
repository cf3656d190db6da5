"""What was measured: speeds, load times, and the overhead of a batch.

Speeds belong to a run, since a unit of cost is the run's own; for a worker first, then for its
kind, then unknown. Rates are sums of seconds over sums of cost that forget by a factor per batch:
dear batches count for more, and one outlier is cut to ``OUTLIER`` times what was expected.
"""

from __future__ import annotations

from copy import copy

from pcm.core.context import Context
from pcm.core.hazards import Hazards
from pcm.core.policy import Policy
from pcm.core.run import Run
from pcm.core.worker import Worker

MEMORY = 0.8
"""What is left of an observation's weight after the next."""
OUTLIER = 4.0
TRUSTED = 3
"""After so many observations an outlier is cut."""
SHORTEST_SECONDS = 1e-6
REMEMBERED = 64
"""So many contexts that nobody has any more are remembered, the latest."""


class Mean:
    """A forgetting mean of one quantity, robust to single outliers."""

    __slots__ = ("count", "value", "weight")

    def __init__(self) -> None:
        self.value = self.weight = 0.0
        self.count = 0

    def observe(self, value: float, weight: float = 1.0) -> None:
        if self.count >= TRUSTED and self.value > 0.0:
            value = min(max(value, self.value / OUTLIER), self.value * OUTLIER)
        kept = self.weight * MEMORY
        self.weight = kept + weight
        self.value += (value - self.value) * weight / self.weight
        self.count += 1


class WorkerSpeed:
    """Seconds per unit of cost of one worker, with its skew as it is now.

    A skew is news that batches have not brought yet. As long as there is one, what is measured goes
    into a copy of the mean that begins with what the news foresees: a few batches later the copy
    has the truth, whatever the news were. When the skew is gone the mean of before holds again.
    """

    __slots__ = ("_plain", "_skew", "_slowed", "rate")

    def __init__(self) -> None:
        self._plain, self._slowed = Mean(), Mean()
        self._skew = 1.0
        self.rate = 0.0
        """Its inverse, as it was counted among its kind's."""

    def observe(self, seconds_per_cost: float, cost: float, skew: float) -> None:
        self._hear(skew)
        (self._plain if skew == 1.0 else self._slowed).observe(seconds_per_cost, cost)

    def under(self, skew: float) -> float:
        self._hear(skew)
        return (self._plain if skew == 1.0 else self._slowed).value

    def _hear(self, skew: float) -> None:
        if skew == self._skew:
            return
        if self._skew == 1.0:
            self._slowed = copy(self._plain)
        if skew != 1.0:
            self._slowed.value *= skew / self._skew
        elif not self._plain.count:
            self._plain = self._slowed
            self._plain.value /= self._skew
        self._skew = skew


class Speeds:
    """Seconds per unit of cost in one run."""

    def __init__(self) -> None:
        self._workers: dict[str, WorkerSpeed] = {}
        self._kinds: dict[str, list[float]] = {}
        """By kind: the sum of the speeds (cost per second) of its workers, and their number."""
        self._all = [0.0, 0.0]

    @property
    def known(self) -> bool:
        return bool(self._workers) or bool(self._kinds)

    def observe(self, worker: Worker, seconds: float, cost: float) -> None:
        speed = self._workers.get(worker.id)
        kind = self._kinds.setdefault(worker.capacity.kind, [0.0, 0.0])
        if speed is None:
            speed = self._workers[worker.id] = WorkerSpeed()
            kind[1] += 1
            self._all[1] += 1
        speed.observe(max(seconds, SHORTEST_SECONDS) / cost, cost, worker.skew)
        rate = 1.0 / speed.under(worker.skew)
        kind[0] += rate - speed.rate
        self._all[0] += rate - speed.rate
        speed.rate = rate
        # A worker's place among its fellows outlives the run.
        worker.slowness = self._all[0] / self._all[1] / rate / worker.skew

    def on(self, worker: Worker) -> float | None:
        """Seconds per cost on a worker, with its skew as it is now."""
        speed = self._workers.get(worker.id)
        if speed is not None:
            return speed.under(worker.skew)
        kind = self._kinds.get(worker.capacity.kind)
        return None if kind is None else kind[1] / kind[0] * worker.skew

    def total(self, serving: dict[str, int]) -> float:
        """Cost per second of so many workers by kind; of unknown kinds the mean of all."""
        total = 0.0
        for kind, number in serving.items():
            speed, measured = self._kinds.get(kind, self._all)
            if measured:
                total += number * speed / measured
        return total

    def forget(self, worker: str) -> None:
        """The worker is gone. What it told of its kind stays."""
        self._workers.pop(worker, None)


class ByKind:
    """What something takes, by its name and the kind of worker, in seconds."""

    def __init__(self) -> None:
        self._means: dict[str, dict[str, Mean]] = {}

    def observe(self, name: str, kind: str, seconds: float) -> None:
        means = self._means.setdefault(name, {})
        for key in (kind, ""):
            means.setdefault(key, Mean()).observe(seconds)

    def seconds(self, name: str, kind: str) -> float | None:
        """As measured on this kind, else on any."""
        means = self._means.get(name, {})
        mean = means.get(kind) or means.get("")
        return None if mean is None else mean.value

    def forget(self, name: str) -> None:
        self._means.pop(name, None)


class Estimates:
    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._speeds: dict[str, Speeds] = {}
        self._past: dict[tuple[str, str], Speeds] = {}
        """Of the last run that was over, by context and task."""
        self._unused: dict[str, None] = {}
        """Contexts that nobody has any more, the latest last."""
        self._stagings: dict[str, Mean] = {}
        self._loads, self._returns = ByKind(), ByKind()
        self._prefixes = ByKind()
        """Of the runs that are not over."""
        self._overhead = Mean()
        self._overhead.observe(policy.batch_overhead_seconds, weight=0.1)
        self.hazards = Hazards(policy.eviction_prior_seconds, policy.wave_seconds)

    # -- told ------------------------------------------------------------------------------------

    def loaded(self, context: Context, kind: str, seconds: float) -> None:
        self._loads.observe(context.id, kind, seconds)

    def returned(self, context: Context, kind: str, seconds: float) -> None:
        """It was parked, and is warm again."""
        self._returns.observe(context.id, kind, seconds)

    def prefix_computed(self, run: Run, kind: str, seconds: float) -> None:
        """What the first batch of its task on a replica took longer."""
        self._prefixes.observe(run.id, kind, seconds)

    def staged(self, context: Context, seconds: float) -> None:
        for key in (context.id, ""):
            self._stagings.setdefault(key, Mean()).observe(seconds)

    def spent(self, overhead_seconds: float) -> None:
        self._overhead.observe(max(overhead_seconds, 0.0))

    def opened(self, run: Run) -> None:
        self._speeds[run.id] = Speeds()

    def closed(self, run: Run) -> None:
        self._prefixes.forget(run.id)
        speeds = self._speeds.pop(run.id, None)
        if speeds is not None and speeds.known:
            self._past[run.context, run.opened.task_name] = speeds

    def forget(self, worker: str) -> None:
        for speeds in (*self._speeds.values(), *self._past.values()):
            speeds.forget(worker)

    def forget_contexts(self, contexts: list[str]) -> None:
        """Nobody has or needs them any more. The next run may well be about the same: what is
        known of the latest is kept."""
        for context in contexts:
            self._unused.pop(context, None)
            self._unused[context] = None
        oldest = set(list(self._unused)[:-REMEMBERED])
        if oldest:
            self._unused = {id_: None for id_ in self._unused if id_ not in oldest}
            self._past = {key: past for key, past in self._past.items() if key[0] not in oldest}
            for context in oldest:
                self._stagings.pop(context, None)
                self._loads.forget(context)
                self._returns.forget(context)

    # -- asked -----------------------------------------------------------------------------------

    def speeds(self, run: Run) -> Speeds:
        return self._speeds[run.id]

    def expected_speeds(self, run: Run) -> Speeds:
        """While nothing is known of the run, as in the last one of the same task and context, whose
        costs were in the same unit, most likely."""
        speeds = self._speeds[run.id]
        return (
            speeds if speeds.known else self._past.get((run.context, run.opened.task_name), speeds)
        )

    @property
    def overhead_seconds(self) -> float:
        return self._overhead.value

    def load_seconds(self, context: Context, kind: str) -> float:
        """As measured on this kind of worker, else on any, else as the policy assumes."""
        seconds = self._loads.seconds(context.id, kind)
        return self._policy.load_seconds if seconds is None else seconds

    def return_seconds(self, context: Context, kind: str) -> float:
        """Of one that is parked: as measured, else a share of what a load takes."""
        seconds = self._returns.seconds(context.id, kind)
        if seconds is None:
            return self._policy.return_share * self.load_seconds(context, kind)
        return seconds

    def prefix_seconds(self, run: Run, kind: str) -> float:
        """To compute the state of its prefix; 0 until it was measured."""
        return self._prefixes.seconds(run.id, kind) or 0.0

    def warm_seconds(self, context: Context, worker: Worker) -> float:
        """To have it warm there, from where it is now."""
        if worker.is_parked(context.id):
            return self.return_seconds(context, worker.capacity.kind)
        return self.load_seconds(context, worker.capacity.kind)

    def staging_seconds(self, context: Context, *, guess: bool = False) -> float:
        """Until a worker that is new has the context's files; 0 where none were ever awaited, or
        with ``guess`` what those of others took."""
        mean = self._stagings.get(context.id) or (self._stagings.get("") if guess else None)
        return 0.0 if mean is None else mean.value

    def backlog_seconds(
        self, context: Context, serving: dict[str, int] | None = None
    ) -> float | None:
        """Until the present and coming workers of a context, or so many by kind, have done what
        waits for it; None while the speed of a run that waits is unknown."""
        seconds, serving = 0.0, serving or context.serving
        for run in context.runs.values():
            if run.has_demand:
                total = self.speeds(run).total(serving)
                if total <= 0.0:
                    return None
                seconds += run.items.waiting_cost / total
        return seconds
