"""Contexts whose files are brought while the worker computes with others."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from workers.protocol import ErrorReport, LoadContext, ReplicaFault, ReplicaState
from workers.staging.assembly import Places
from workers.staging.stager import Stager


class Ahead:
    """Of such contexts only the files are here, or on their way. They stay until the context is
    loaded, and then with its replica, or until they are let go."""

    def __init__(
        self, stager: Stager, report: Callable[[ReplicaState | ReplicaFault], None]
    ) -> None:
        self._stager, self._report = stager, report
        self._orders: dict[str, LoadContext] = {}
        self._places: dict[str, Places] = {}
        """Of those whose files are there: where."""

    def __contains__(self, context: str) -> bool:
        return context in self._orders

    def bring(self, order: LoadContext) -> None:
        """Have the files there; ``staged`` is reported when they are, or a fault."""
        context = order.context
        before = self._orders.get(context)
        if before is not None and before.trees == order.trees:
            if context in self._places:
                self._report(ReplicaState(context, "staged"))
            return
        self._orders[context] = order
        self._places.pop(context, None)
        if not order.trees:
            self._arrived(context, {})
            return
        self._stager.stage(
            context,
            order.trees,
            lambda places: self._arrived(context, places),
            lambda error: self._failed(context, error),
        )

    def take(self, order: LoadContext) -> LoadContext:
        """The context is to be loaded: its order, with the files' places if all of them are there.
        If not, the order still names them, and whoever stages it anew holds what has come."""
        before = self._orders.pop(order.context, None)
        places = self._places.pop(order.context, None)
        if before is None or places is None or before.trees != order.trees:
            return order
        return msgspec.structs.replace(order, trees=(), places=dict(places))

    def let_go(self, context: str) -> bool:
        """The files may go when their room is needed. False if none were brought ahead."""
        if self._orders.pop(context, None) is None:
            return False
        self._places.pop(context, None)
        self._stager.release(context)
        return True

    def clear(self) -> None:
        """Let go of all."""
        for context in list(self._orders):
            self.let_go(context)

    def _arrived(self, context: str, places: Places) -> None:
        self._places[context] = places
        self._report(ReplicaState(context, "staged"))

    def _failed(self, context: str, error: ErrorReport) -> None:
        del self._orders[context]
        self._report(ReplicaFault(context, "loader_error", error))
