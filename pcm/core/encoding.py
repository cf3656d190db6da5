"""Events and commands as JSON, as the event log has them."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np


def _counted(value: Any) -> Any:
    """Arrays of costs are in the journal's items already; the log keeps their size."""
    if isinstance(value, np.ndarray):
        return {"count": int(value.size), "sum": float(value.sum())}
    raise TypeError(f"no event has a {type(value).__name__}")


encode = msgspec.json.Encoder(enc_hook=_counted).encode
"""The body of an entry: the fields, and its kind under ``event`` or ``command``."""
