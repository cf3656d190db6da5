"""Engines by name. Each is imported only when it is asked for."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import msgspec

from pcm.engines.base import Engine
from pcm.errors import InputError

_ENGINES = {
    "local": ("pcm.engines.local", "LocalEngine"),
    "taskvine": ("pcm.engines.taskvine", "TaskVineEngine"),
}
"""Name to module and class."""


def make_engine(name: str, **options: Any) -> Engine:
    """An engine that is not started yet; ``options`` are those of its class.

    Its ``made_of`` tells how it was made. Raises InputError for a name or an option that does not
    exist, or an option's bad value.
    """
    if name not in _ENGINES:
        known = ", ".join(repr(engine) for engine in sorted(_ENGINES))
        raise InputError(f"no engine is called {name!r}", field="engine", mend=f"use {known}")
    module, kind = _ENGINES[name]
    engine: type[Engine] = getattr(importlib.import_module(module), kind)
    known_options = list(inspect.signature(engine).parameters)
    for option in options:
        if option not in known_options:
            raise InputError(
                f"the {name} engine has no such option",
                field=option,
                mend=f"its options are: {', '.join(known_options)}",
            )
    made = engine(**options)
    given = {
        option: value
        for option, value in options.items()
        if option != "workers" and value is not None and value is not False
    }
    made.made_of = {"engine": name, "engine_options": msgspec.to_builtins(given, enc_hook=str)}
    return made


def check_workers(engine: Engine, workers: int | None) -> None:
    """Raises InputError if no worker would ever come."""
    if workers == 0 and not engine.takes_workers_from_outside:
        raise InputError(
            "is 0, and this engine takes no workers from outside",
            field="workers",
            mend="give 1 or more, or the taskvine engine",
        )
