"""A run in one line of numbers, for programs."""

from __future__ import annotations

from typing import Any, Self

import msgspec

from pcm.journal import JournalReader
from pcm.report.accounting import account
from pcm.report.figures import Accounts


class Summary(msgspec.Struct, frozen=True):
    """Counts, the split of the workers' seconds (see ``pcm.report.figures.Split``), and how far the
    run was from the best that any scheduler could have done (see ``Accounts`` there).

    ``failed`` counts all items that were given up, quarantined ones among them; ``workers`` all
    that took part; ``seconds`` only the time in which a manager worked on the run.
    """

    items: int
    succeeded: int
    failed: int
    quarantined: int
    seconds: float
    items_per_second: float
    workers: int
    batches: int
    context_loads: int
    lost_batches: int
    retries: int
    duplicates: int
    useful_seconds: float
    loading_seconds: float
    lost_seconds: float
    idle_seconds: float
    no_work_seconds: float
    bound_seconds: float
    efficiency: float
    overhead_seconds_per_batch: float

    @classmethod
    def of(cls, accounts: Accounts) -> Self:
        return cls(
            items=accounts.items,
            succeeded=accounts.succeeded,
            failed=accounts.failed + accounts.quarantined,
            quarantined=accounts.quarantined,
            seconds=accounts.seconds,
            items_per_second=accounts.items_per_second,
            workers=len(accounts.workers),
            batches=accounts.batches,
            context_loads=accounts.context_loads,
            lost_batches=accounts.lost_batches,
            retries=accounts.retries,
            duplicates=accounts.duplicates,
            useful_seconds=accounts.split.useful_seconds,
            loading_seconds=accounts.split.loading_seconds,
            lost_seconds=accounts.split.lost_seconds,
            idle_seconds=accounts.split.idle_seconds,
            no_work_seconds=accounts.split.no_work_seconds,
            bound_seconds=accounts.bound_seconds,
            efficiency=accounts.efficiency,
            overhead_seconds_per_batch=accounts.overhead_seconds_per_batch or 0.0,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


def summarise(reader: JournalReader) -> Summary:
    """Also while the run goes on or after a crash."""
    return Summary.of(account(reader))
