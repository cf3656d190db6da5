"""The files of a worker's contexts, as its supervisor knows them: asked for, and there."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

from workers import carriage
from workers.host.loop import Loop
from workers.protocol import ErrorReport, FileState, Tree
from workers.staging.assembly import Assembly, Places, Sink
from workers.staging.background import Background
from workers.staging.directory import default_directory
from workers.staging.errors import StagingError
from workers.staging.store import Store


class Stager:
    """All methods belong to the loop's thread and return at once; so do all callbacks come.

    A process that never has trees to stage gets no thread and touches no directory.
    """

    def __init__(
        self,
        loop: Loop,
        say: Callable[[FileState], None],
        *,
        cache: str = "",
        never_shared: bool = False,
    ) -> None:
        """``say`` is told what files are wanted and there. ``cache`` is the store's directory, by
        default the user's. With ``never_shared`` the manager's own paths are not used even where
        they can be seen from here."""
        directory = cache or default_directory()
        self._say = say
        background = self._background = Background(loop, self._look_again)
        post = background.post
        self._assembly = Assembly(
            lambda: Store(directory, stop=lambda: background.closing),
            Sink(
                lambda state: post(lambda: say(state)),
                lambda context, places: post(lambda: self._ready(context, places)),
                lambda context, error: post(lambda: self._failed(context, error)),
            ),
            never_shared=never_shared,
            stop=lambda: background.closing,
        )
        self._numbers = itertools.count(1)
        self._orders: dict[str, _Order] = {}
        """By context."""

    def stage(
        self,
        context: str,
        trees: Sequence[Tree],
        ready: Callable[[Places], None],
        failed: Callable[[ErrorReport], None],
    ) -> None:
        """Have a context's files there, until ``release``; one of the two is called when that is
        decided, unless the context is released before."""
        before = self._orders.get(context)
        # One context may come and go and come again faster than the thread works.
        name = f"{context}#{next(self._numbers)}"
        self._orders[context] = _Order(name, ready, failed)
        self._background.submit(lambda: self._stage(name, trees))
        if before is not None:
            self._background.submit(lambda: self._assembly.release(before.name))

    def release(self, context: str) -> None:
        """The context is given up; its files may go when their room is needed."""
        order = self._orders.pop(context, None)
        if order is not None:
            self._background.submit(lambda: self._assembly.release(order.name))

    def bring(self, call: carriage.Staging, sandbox: str, done: Callable[[], None]) -> None:
        """Carry out a call about a file; ``done`` is called when it was said what came of it."""
        self._background.submit(lambda: self._bring(call, sandbox, done))

    def close(self) -> None:
        """Give up what is under way, and let all files go."""
        self._orders.clear()
        if self._background.close():
            self._assembly.close()

    # -- in the thread ---------------------------------------------------------------------------

    def _stage(self, name: str, trees: Sequence[Tree]) -> None:
        try:
            self._assembly.stage(name, trees)
        except Exception as error:
            self._assembly.release(name)
            mistake = StagingError(f"{type(error).__name__}: {error}")
            self._background.post(lambda: self._failed(name, mistake))
            raise

    def _bring(self, call: carriage.Staging, sandbox: str, done: Callable[[], None]) -> None:
        state = FileState(call.digest, "damaged", detail="it could not be carried out")
        try:
            state = self._assembly.bring(call, sandbox)
        finally:
            self._background.post(lambda: self._say(state))
            self._background.post(done)

    def _look_again(self) -> float | None:
        return self._assembly.look_again()

    # -- in the loop -----------------------------------------------------------------------------

    def _order(self, name: str) -> _Order | None:
        order = self._orders.get(name.rpartition("#")[0])
        return order if order is not None and order.name == name else None

    def _ready(self, name: str, places: Places) -> None:
        order = self._order(name)
        if order is not None:
            order.ready(places)

    def _failed(self, name: str, error: StagingError) -> None:
        order = self._order(name)
        if order is not None:
            del self._orders[name.rpartition("#")[0]]
            order.failed(error.report())


class _Order(NamedTuple):
    """One order to have a context's files there."""

    name: str
    ready: Callable[[Places], None]
    failed: Callable[[ErrorReport], None]
