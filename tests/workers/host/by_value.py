"""Functions of tests travel by value, as a user's own do."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import cloudpickle


def pickled(function: Callable[..., Any], *rest: Any) -> bytes:
    """cloudpickle of ``(function, *rest)``."""
    module = sys.modules.get(function.__module__)
    if module is None or not module.__name__.startswith("tests."):
        return cloudpickle.dumps((function, *rest))
    cloudpickle.register_pickle_by_value(module)
    try:
        return cloudpickle.dumps((function, *rest))
    finally:
        cloudpickle.unregister_pickle_by_value(module)
