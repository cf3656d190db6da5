"""The contract of a supply: it brings workers from elsewhere to an engine that takes them.

The core says how many workers an offered pool shall have (``Want``); a supply asks a batch system
for them, in a thread of its own, since that can take seconds, and tells how the pool stands.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path

from pcm.core.commands import Want
from pcm.core.events import Event, PoolOffered
from pcm.engines.invitation import Invitation


class Supply(ABC):
    """Workers of one or several offered pools."""

    @abstractmethod
    def offers(self) -> Sequence[PoolOffered]:
        """Its pools. Known before ``start``."""

    @abstractmethod
    def start(self, invitation: Invitation, directory: Path, tell: Callable[[Event], None]) -> None:
        """Get ready: check that the batch system is there, and find workers asked for before.

        ``directory`` is the manager's own for logs and files of jobs; the same directory means the
        same workers, also after a restart. ``tell`` takes events (PoolState, ProvisionFailed) from
        any thread. Raises pcm.errors.EngineError or InputError; then nothing was asked for.
        """

    @abstractmethod
    def order(self, want: Want) -> None:
        """Come to have so many workers, soon; never blocks. The last order counts."""

    @abstractmethod
    def stop(self) -> None:
        """Take back all that was asked for, and free everything. Safe to call twice."""
