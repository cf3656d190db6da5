"""What a replica holds of an accelerator, and whether it still answers.

torch is asked only if the user's own code has imported it and brought CUDA up.
"""

from __future__ import annotations

import os
import sys
from typing import Any


def resident_bytes() -> int:
    """Main memory of this process (resident set)."""
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def arriving_bytes() -> int:
    """By how much that will yet grow by itself: what a built-in model has mapped from files and is
    still being read."""
    arrival: Any = sys.modules.get("workers.inference.arrival")
    return 0 if arrival is None else int(arrival.to_come_bytes())


def accelerator_bytes() -> int:
    """Accelerator memory that torch has reserved, of the device with the most of it, as a worker's
    capacity is that of each of its devices; 0 if there is none."""
    cuda = _cuda()
    if cuda is None:
        return 0
    devices = range(cuda.device_count())
    return max((int(cuda.memory_reserved(device)) for device in devices), default=0)


def empty_cache() -> None:
    """Give back accelerator memory that torch has reserved and does not use."""
    cuda = _cuda()
    if cuda is not None:
        cuda.empty_cache()


def is_broken() -> bool:
    """Whether the accelerator refuses all further work of this process.

    Some CUDA errors (an illegal address, a failed device-side assertion) stick: every later call
    fails, for innocent items too. Only a new process mends it. Running out of memory does not.
    """
    cuda = _cuda()
    if cuda is None:
        return False
    try:
        cuda.synchronize()
    except Exception:
        return True
    return False


def _cuda() -> Any:
    torch = sys.modules.get("torch")
    cuda = getattr(torch, "cuda", None)
    return cuda if cuda is not None and cuda.is_initialized() else None
