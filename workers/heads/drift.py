"""What heads keep at work, beside what they were planned for: when another plan is worth it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workers.heads.plan import HeadPlan
from workers.heads.planning import plan_heads

GAIN = 0.05
"""Another plan is made if attention is faster by so much with it: weights have to move."""
FIRST_ROWS = 256
"""Nothing is judged by fewer rows."""
HORIZON_ROWS = 4096
"""About so many of the last rows count."""


class Drift:
    """Pure: the same rows lead to the same answer, so ranks that observe the same decide alike.

    Against going to and fro: the means are slow, a gain must be seen, and after each answer, yes or
    no, new rows must come before the next: after a no twice as many as before.
    """

    def __init__(
        self, plan: HeadPlan, *, copies: int | None = None, rows: int | None = None
    ) -> None:
        """``copies`` and ``rows``: as ``plan_heads`` was told."""
        self.plan = plan
        self._copies, self._batch_rows = copies, rows
        self._sums = np.zeros((len(plan.layers), plan.heads))
        self._rows = 0.0
        self._waits, self._patience = FIRST_ROWS, FIRST_ROWS

    def observe(self, kept: NDArray[np.float64], rows: int) -> None:
        """A batch of so many rows was served, in which heads kept (or would have kept, had the
        rule had its way) ``kept`` [layers, heads] tokens in the mean.

        Raises ValueError if that is of another model or no number of tokens.
        """
        if kept.shape != self._sums.shape:
            shape = " x ".join(map(str, kept.shape))
            raise ValueError(f"the plan is for layers x heads {self._sums.shape}, not for {shape}")
        if rows < 1 or not np.isfinite(kept).all() or (kept < 0).any():
            raise ValueError("what is observed are tokens of at least one row: finite, not below 0")
        if self._rows + rows > HORIZON_ROWS:
            fading = max(0, HORIZON_ROWS - rows) / self._rows if self._rows else 0.0
            self._sums *= fading
            self._rows *= fading
        self._sums += kept * rows
        self._rows += rows
        self._waits -= rows

    def kept(self) -> NDArray[np.float64]:
        """[layers, heads]: the mean of what was observed; zeros if nothing was."""
        return self._sums / max(self._rows, 1.0)

    def renewed(self) -> HeadPlan | None:
        """Another plan that gains enough, which is ``plan`` from now on; None if none does, or too
        little was observed since the last answer."""
        if self._waits > 0:
            return None
        kept = self.kept()
        now = self.plan.utilisation(kept, self._batch_rows)
        if now * (1 + GAIN) < 1:  # or nothing can gain so much
            plan = plan_heads(kept, self.plan.ranks, copies=self._copies, rows=self._batch_rows)
            if plan.utilisation(kept, self._batch_rows) >= now * (1 + GAIN):
                self.plan = plan
                self._waits = self._patience = FIRST_ROWS
                return plan
            self._patience = min(2 * self._patience, HORIZON_ROWS)
        self._waits = self._patience
        return None
