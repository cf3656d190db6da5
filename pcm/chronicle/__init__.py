"""What a run's event log tells, kept so that every question about any moment is answered at once.

Pure: entries in, answers out. The dashboard asks it live and in replay alike, the report and the
terminal ask it too.
"""

from __future__ import annotations

from pcm.chronicle.batches import ENDINGS, Batches
from pcm.chronicle.chronicle import Chronicle
from pcm.chronicle.figures import Counts, Crew, Curves, Eta, Shares, SittingStand, Trouble
from pcm.chronicle.lane import STATES, Lane, Pieces, Replica, WorkerState
from pcm.chronicle.level import Window
from pcm.chronicle.loads import Failure, Loads
from pcm.chronicle.news import RunState
from pcm.chronicle.pieces import USES
from pcm.chronicle.totals import Uses

__all__ = [
    "ENDINGS",
    "STATES",
    "USES",
    "Batches",
    "Chronicle",
    "Counts",
    "Crew",
    "Curves",
    "Eta",
    "Failure",
    "Lane",
    "Loads",
    "Pieces",
    "Replica",
    "RunState",
    "Shares",
    "SittingStand",
    "Trouble",
    "Uses",
    "Window",
    "WorkerState",
]
