"""What came of a simulation."""

from __future__ import annotations

import msgspec


class Outcome(msgspec.Struct, frozen=True):
    """``bound_seconds``: when a scheduler that knew the future could have been done at best.

    Worker seconds until the end: useful (work whose results were kept), lost (work that was not),
    loading (and nothing else), idle although something waited, and no_work (nothing waited).
    """

    makespan_seconds: float
    bound_seconds: float
    useful_seconds: float
    lost_seconds: float
    loading_seconds: float
    idle_seconds: float
    no_work_seconds: float
    items: int
    batches: int
    loads: int
    evictions: int
    duplicates: int
    events: int
    offloads: int = 0
    """How often a context left a GPU for its host's memory."""
    waiting_seconds: float = 0.0
    """From each run's opening to its last result, the mean over the runs."""

    @property
    def efficiency(self) -> float:
        """Bound over makespan: 1 is what nobody can beat."""
        return self.bound_seconds / self.makespan_seconds if self.makespan_seconds else 1.0
