"""The tables of docs/event-log.md, made from the structs: `python -m tests.journal.event_log_page`
writes them into the page."""

from __future__ import annotations

import inspect
import re
from functools import partial
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from pcm.core import commands, events
from pcm.journal import entries, kinds

PAGE = Path(__file__).parents[2] / "docs" / "event-log.md"

PARTS: tuple[type[msgspec.Struct], ...] = (
    events.Capacity,
    events.Requirements,
    commands.Score,
    entries.ClassStand,
)
"""What is within others."""

TABLES: dict[str, tuple[type[msgspec.Struct], ...]] = {
    "entries": kinds.ENTRIES,
    "events": kinds.EVENTS,
    "commands": kinds.COMMANDS,
    "telemetry": kinds.TELEMETRY,
    "parts": PARTS,
}
END = "<!-- end -->"
_PLAIN = {str: "text", int: "integer", float: "number", bool: "true or false", NoneType: "null"}
_COUNTS = "`{count, sum}`"


def table(structs: tuple[type[msgspec.Struct], ...]) -> str:
    rows = [f"| `{one.__name__}` | {_fields(one)} | {_told(one)} |" for one in structs]
    return "\n".join(["| kind | fields | what it tells |", "| --- | --- | --- |", *rows])


def with_tables(page: str) -> str:
    """The page with all tables as they should be."""
    for name, structs in TABLES.items():
        found = re.compile(rf"(<!-- {name} -->\n).*?{END}", re.DOTALL)
        assert len(found.findall(page)) == 1, f"the page has no place for {name}"
        made = table(structs)
        page = found.sub(partial(_filled, made), page)
    return page


def _filled(made: str, found: re.Match[str]) -> str:
    return f"{found[1]}{made}\n{END}"


def _fields(struct: type[msgspec.Struct]) -> str:
    hints = get_type_hints(struct)
    return "<br>".join(
        f"`{field.name}`: {_type(hints[field.name])}" for field in msgspec.structs.fields(struct)
    )


def _type(hint: Any) -> str:
    origin, arguments = get_origin(hint), get_args(hint)
    parts = [part for part in arguments if part is not ...]
    if hint is Any:
        words = f"{_COUNTS} or null"
    elif origin is Literal:
        words = ", ".join(f"`{value}`" for value in arguments)
    elif origin in (Union, UnionType):
        words = " or ".join(map(_type, arguments))
    elif origin is dict:
        words = f"{_type(arguments[1])} by {_type(arguments[0])}"
    elif len(parts) > 1:
        words = "(" + ", ".join(map(_type, parts)) + ")"
    elif parts:
        words = f"list of {_type(parts[0])}"
    else:
        words = _PLAIN.get(hint) or f"`{hint.__name__}`"
    return words


def _told(struct: type[msgspec.Struct]) -> str:
    text = " ".join((inspect.getdoc(struct) or "").split())
    return text.replace("``", "`").replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text()))
