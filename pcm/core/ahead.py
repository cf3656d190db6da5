"""A context's files are brought to a worker while that still computes with another.

Most of a cold start is its files' way to the worker, which takes nothing from what computes there.
So they are ordered ahead where a worker will soon change over: it is reserved for the context, or
the context's turn there comes about when the files would have arrived, or the work of its present
context ends by then and there is more than enough of the other. What was brought and is not needed
any more is let go.
"""

from __future__ import annotations

from itertools import islice
from math import inf

from pcm.core.basis import Basis
from pcm.core.commands import Evict, Load
from pcm.core.context import Context
from pcm.core.worker import Worker, suits

LOOKED_AT = 64


class Ahead:
    def __init__(self, basis: Basis) -> None:
        self._state, self._policy, self._estimates = basis.state, basis.policy, basis.estimates
        self._orders = basis.orders
        self._looked_at = -inf

    # -- told ------------------------------------------------------------------------------------

    def arrived(self, worker: Worker, context: Context, now: float) -> None:
        """The files are there."""
        self._estimates.staged(context, now - worker.ahead_since)

    # -- decided ---------------------------------------------------------------------------------

    def settle(self, contexts: list[Context], now: float) -> None:
        """``contexts``: those with waiting work. It is looked at once in a while."""
        if now < self._looked_at + self._policy.watch_seconds or not self._policy.stage_ahead:
            return
        self._looked_at = now
        self._let_go()
        for present in self._state.contexts.values():
            if present.warm and contexts and contexts != [present]:
                self._look_beyond(present, contexts, now)

    def bring(
        self, worker: Worker, context: Context, in_seconds: float, reason: str, now: float
    ) -> None:
        """Order the files, if the worker computes and is to change over before they would have
        come."""
        seconds = self._estimates.staging_seconds(context, guess=True)
        if (
            self._policy.stage_ahead
            and max(in_seconds, self._policy.ahead_seconds) <= seconds
            and worker.ahead is None
            and worker.available
            and worker.live
            and context.id not in worker.replicas
            and context.id not in worker.without_ahead
        ):
            worker.ahead, worker.ahead_since = context.id, now
            self._state.ahead[worker.id] = None
            self._orders.add(Load(worker.id, context.id, self._orders.cause, "disk", reason))

    def _look_beyond(self, present: Context, contexts: list[Context], now: float) -> None:
        """Who comes after it on its workers, if its work ends soon?"""
        ends_seconds = self._estimates.backlog_seconds(present)
        if ends_seconds is None:
            return
        following = [
            (self._rest_seconds(context, ends_seconds), context.order, context)
            for context in contexts
            if context is not present
            and ends_seconds <= self._estimates.staging_seconds(context, guess=True)
        ]
        if not following:
            return
        rest_seconds, _, context = max(following)
        if rest_seconds <= 0.0:
            return
        for id_ in islice(present.warm, LOOKED_AT):
            worker = self._state.workers[id_]
            suitable = suits(worker.capacity, context.requirements)
            if suitable and not context.excluded(id_, now):
                reason = f"{present.name} has {ends_seconds:.1f} s of work left"
                self.bring(worker, context, ends_seconds, reason, now)

    def _rest_seconds(self, context: Context, after_seconds: float) -> float:
        """What its own workers will have left of its work then, less a load."""
        backlog_seconds = self._estimates.backlog_seconds(context)
        if backlog_seconds is None:
            return inf
        return backlog_seconds - after_seconds - self._estimates.load_seconds(context, "")

    def _let_go(self) -> None:
        """Files of contexts that no run needs any more."""
        for id_ in list(self._state.ahead):
            worker = self._state.workers[id_]
            name = worker.ahead
            if name is not None and not self._state.contexts[name].runs:
                self._state.forget_ahead(worker)
                reason = "its files were brought ahead and are not needed any more"
                self._orders.add(Evict(id_, name, self._orders.cause, reason))
