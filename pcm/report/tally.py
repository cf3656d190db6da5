"""Sums over all sittings of a run."""

from __future__ import annotations

from array import array
from collections import defaultdict
from statistics import median

from pcm.core.commands import Dispatch
from pcm.report.bound import Stay
from pcm.report.figures import BatchSizes, ContextAccount, Split, WorkerAccount
from pcm.report.timeline import Course


class Tally:
    """Filled by the sittings; asked when the log was read. What goes on when is told too: for
    those who keep it."""

    def __init__(self) -> None:
        self.workers: list[WorkerAccount] = []
        self.context_names: dict[str, str] = {}
        self.overheads = array("d")
        self.load_failures: dict[str, int] = defaultdict(int)
        self.failed_outcomes = 0
        self.given_up = 0
        self.bound_seconds = 0.0
        self._batch_sizes = array("Q")
        self._load_seconds: dict[str, array[float]] = defaultdict(lambda: array("d"))
        self._context_splits: dict[str, Split] = defaultdict(Split)
        self._context_batches: dict[str, int] = defaultdict(int)

    def dispatched(self, command: Dispatch, at: float) -> None:
        self._batch_sizes.append(command.item_count)
        self._context_batches[command.context] += 1

    def decided(self, items: int, at: float) -> None:
        """So many more have their final outcome; or fewer, where some are to be done again."""

    def context_loaded(self, context: str, kind: str, seconds: float, at: float) -> None:
        """``kind``: of the worker."""
        self._load_seconds[context].append(seconds)

    def load_failed(self, context: str, at: float) -> None:
        self.load_failures[context] += 1

    def worker_went(self, course: Course) -> None:
        """Its stay is over, or the sitting is."""

    def sitting_ended(self, began: float, ended: float, stays: list[Stay], bound: float) -> None:
        """``bound``: its own, in seconds; unix seconds the others."""
        self.bound_seconds += bound

    def add_worker(self, account: WorkerAccount, contexts: dict[str, Split]) -> None:
        self.workers.append(account)
        for context, split in contexts.items():
            self._context_splits[context] += split

    @property
    def split(self) -> Split:
        return sum((worker.split for worker in self.workers), Split())

    @property
    def context_loads(self) -> int:
        return sum(map(len, self._load_seconds.values()))

    @property
    def batches(self) -> int:
        return len(self._batch_sizes)

    @property
    def retries(self) -> int:
        """Failed attempts that were not the last of their item."""
        return max(0, self.failed_outcomes - self.given_up)

    def overhead(self) -> float | None:
        return median(self.overheads) if self.overheads else None

    def batch_sizes(self) -> BatchSizes | None:
        sizes = self._batch_sizes
        return BatchSizes(min(sizes), median(sizes), max(sizes)) if sizes else None

    def contexts(self) -> list[ContextAccount]:
        seen = (self._context_splits, self._context_batches, self._load_seconds, self.load_failures)
        accounts = []
        for context in sorted(set().union(*seen)):
            loads = self._load_seconds.get(context)
            account = ContextAccount(
                context=context,
                name=self.context_names.get(context, ""),
                split=self._context_splits.get(context, Split()),
                batches=self._context_batches.get(context, 0),
                loads=len(loads or ()),
                load_failures=self.load_failures.get(context, 0),
                load_seconds_median=median(loads) if loads else None,
            )
            accounts.append(account)
        return accounts
