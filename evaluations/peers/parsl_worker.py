"""What a worker of Parsl keeps between calls: a global of a module."""

from __future__ import annotations

from functools import cache

from evaluations.peers.machines import Machine


@cache
def machine(directory: str, workload: str) -> Machine:
    """Loaded at the first call."""
    return Machine(directory, workload)
