"""Every kind of entry that an event log may have, and what it is read as."""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any

import msgspec

from pcm.core import commands, events
from pcm.journal import entries
from pcm.journal.records import LoggedEvent
from pcm.telemetry.findings import Finding
from pcm.telemetry.remedies import Remedy


def _structs(module: ModuleType, base: type[msgspec.Struct]) -> list[type[msgspec.Struct]]:
    """In the order in which the module has them."""
    found = inspect.getmembers(module, lambda one: inspect.isclass(one) and issubclass(one, base))
    own = [kind for _, kind in found if kind is not base]
    return sorted(own, key=lambda kind: list(vars(module)).index(kind.__name__))


EVENTS = tuple(kind for kind in _structs(events, events.Event) if kind is not events.Tick)
COMMANDS = tuple(_structs(commands, commands.Command))
TELEMETRY: tuple[type[msgspec.Struct], ...] = (Finding, Remedy)
ENTRIES = tuple(_structs(entries, entries.Entry))

KINDS: dict[str, type[msgspec.Struct]] = {
    kind.__name__: kind for kind in (*ENTRIES, *EVENTS, *COMMANDS, *TELEMETRY)
}
"""By name, as in ``LoggedEvent.kind``."""

_DECODERS: dict[str, msgspec.json.Decoder[Any]] = {
    name: msgspec.json.Decoder(kind) for name, kind in KINDS.items()
}


def decode(entry: LoggedEvent) -> msgspec.Struct | None:
    """The entry as a struct; None if it is of a kind that this version does not know.

    Arrays are counts here: ``ItemsAdded.costs`` is ``{"count": ..., "sum": ...}``.
    """
    decoder = _DECODERS.get(entry.kind)
    return None if decoder is None else decoder.decode(entry.body)
