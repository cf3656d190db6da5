"""Items at work beside what was planned for: when another plan is worth it, on all ranks alike."""

from __future__ import annotations

import numpy as np

from workers.heads.drift import Drift
from workers.heads.plan import HeadPlan
from workers.inference.fairkv.budgets import Budgets
from workers.inference.fairkv.observing import Observer
from workers.inference.ranks import told

OBSERVED_EVERY = 8
"""Of so many passes of prompts one is counted by the rule: the ranks then exchange the scores of
all heads."""


class Following:
    """What heads have to attend to: their budgets, less of short prompts, and answers. Another plan
    for that changes answers by rounding only.

    With an ``observer`` it is what the rule gives them instead, and a new plan comes with new
    budgets: items after it are answered by these.
    """

    def __init__(
        self,
        plan: HeadPlan,
        budgets: Budgets,
        *,
        slots: int,
        copies: int | None = None,
        observer: Observer | None = None,
    ) -> None:
        self._drift = Drift(plan, copies=copies, rows=slots)
        self._budgets = np.array(budgets)
        self._observer = observer
        self._sums = np.zeros(self._budgets.shape)
        self._items = self._passes = 0

    def next_observer(self) -> Observer | None:
        """Who is to see the next pass of prompts; None for most."""
        self._passes += 1
        return self._observer if self._passes % OBSERVED_EVERY == 1 else None

    def served(self, prompt_tokens: int, answer_tokens: int) -> None:
        """An item is finished. While it was decoded half of its answer was there in the mean."""
        self._sums += np.minimum(self._budgets, prompt_tokens) + answer_tokens / 2
        self._items += 1

    def renewed(self) -> tuple[HeadPlan, Budgets] | None:
        """What to go over to, between batches; None: nothing that gains enough. Every rank has to
        ask, and gets the answer of rank 0."""
        if not self._items:
            return None
        kept = self._sums / self._items
        if self._observer is not None and self._observer.prompts:
            kept = self._observer.means()
            self._observer.forget()
        self._drift.observe(kept, self._items)
        self._sums[:], self._items = 0, 0
        plan = self._drift.renewed()
        answer = told(plan.to_json() if plan else b"")
        if not answer:
            return None
        if self._observer is not None:
            self._budgets = np.maximum(1, self._drift.kept().round().astype(int))
        budgets = tuple(tuple(int(tokens) for tokens in layer) for layer in self._budgets)
        return HeadPlan.from_json(answer), budgets
