"""What a context must have to leave the accelerator and come back while its process stays.

Its loader returned an object with two methods without arguments: ``offload_to_host`` frees what it
holds of the accelerator and keeps what it needs to come back; ``return_to_device`` undoes that. In
between it is given no items.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
from typing import Any

from workers.host import accelerator

METHODS = ("offload_to_host", "return_to_device")


def parks(context: Any) -> bool:
    """Whether the context has both methods."""
    with contextlib.suppress(Exception):  # It may answer to names in ways of its own.
        return all(callable(getattr(context, method, None)) for method in METHODS)
    return False


def offload(context: Any) -> None:
    """Raises whatever the context's method raises, and AttributeError if it has none."""
    context.offload_to_host()
    gc.collect()
    accelerator.empty_cache()
    with contextlib.suppress(AttributeError):  # Only the C library of GNU has it.
        ctypes.CDLL(None).malloc_trim(0)


def bring_back(context: Any) -> None:
    """Raises whatever the context's method raises."""
    context.return_to_device()
