"""The waits by which pcm decides, as short as everything else here is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar
from unittest.mock import patch

import msgspec

from condor import fleet
from pcm.core import policy, scheduler

CORE = (
    "eviction_prior_seconds",
    "load_seconds",
    "turn_seconds",
    "backoff_seconds",
    "look_seconds",
    "wait_seconds",
    "worker_start_seconds",
    "withdraw_after_seconds",
    "idle_cold_seconds",
    "idle_seconds_max",
)
"""Not those of batches: a batch costs here what it costs anywhere."""
FLEET = ("release_seconds", "return_seconds", "backoff_seconds")


Waits = TypeVar("Waits", bound=msgspec.Struct)


@contextmanager
def dilated(factor: float) -> Iterator[None]:
    """Managers that are made meanwhile wait so many times shorter."""
    core = _shorter(policy.Policy(), CORE, factor)
    jobs = _shorter(fleet.Policy(), FLEET, factor)
    with (
        patch.object(scheduler, "Policy", lambda: core),
        patch.object(fleet, "Policy", lambda: jobs),
    ):
        yield


def _shorter(struct: Waits, names: tuple[str, ...], factor: float) -> Waits:
    changes = {name: getattr(struct, name) / factor for name in names}
    return msgspec.structs.replace(struct, **changes)
