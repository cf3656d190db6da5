"""What a Dask worker does before it joins: it loads."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from evaluations.peers.machines import Machine

VARIABLES = ("PCM_PEERS_DIRECTORY", "PCM_PEERS_WORKLOAD")
_loaded: list[Machine] = []


def machine() -> Machine:
    """Of this worker."""
    return _loaded[0]


async def dask_setup(_: Any) -> None:
    """Dask calls it by this name, and waits."""
    directory, workload = (os.environ[name] for name in VARIABLES)
    _loaded.append(await asyncio.to_thread(Machine, directory, workload))
