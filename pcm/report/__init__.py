"""What became of a run and what its workers' time went into, from its journal."""

from __future__ import annotations

from pcm.report.accounting import account
from pcm.report.figures import Accounts, BatchSizes, ContextAccount, SlowItem, Split, WorkerAccount
from pcm.report.summary import Summary, summarise

__all__ = [
    "Accounts",
    "BatchSizes",
    "ContextAccount",
    "SlowItem",
    "Split",
    "Summary",
    "WorkerAccount",
    "account",
    "summarise",
]
