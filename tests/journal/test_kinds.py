"""The kinds of entries: all are known, documented, and told in words."""

from __future__ import annotations

from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest

from pcm.core.events import ItemsAdded, Tick
from pcm.journal import LoggedEvent
from pcm.journal.kinds import KINDS, decode
from pcm.journal.wording import SHOWN_CHARACTERS, told, words
from tests.journal.event_log_page import PAGE, PARTS, with_tables

PLAIN = {int: 3, float: 2.5, bool: True, Any: {"count": 3, "sum": 3.0}}


def example(hint: Any, text: str = "word") -> Any:
    """A value of a type, every optional part of it there."""
    origin, arguments = get_origin(hint), get_args(hint)
    value = text if hint is str else PLAIN.get(hint)
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        hints = get_type_hints(hint)
        fields = msgspec.structs.fields(hint)
        value = hint(**{f.name: example(hints[f.name], text) for f in fields})
    elif origin is Literal:
        value = arguments[0]
    elif origin in (Union, UnionType):
        value = example(arguments[0], text)
    elif origin in (tuple, list):
        value = tuple(example(part, text) for part in arguments if part is not ...)
    elif origin is dict:
        value = {example(arguments[0], text): example(arguments[1], text)}
    return value


def entry(kind: str, body: bytes) -> LoggedEvent:
    return LoggedEvent(1, 1000.0, kind, body)


def test_all_but_ticks_are_kinds() -> None:
    assert Tick.__name__ not in KINDS
    assert {"ManagerStarted", "ActionTaken", "RunPaused", "Dispatch", "Finding"} <= set(KINDS)
    assert len(KINDS) > 35


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_read_as_it_is_written_and_told(kind: str) -> None:
    one = example(KINDS[kind])
    logged = entry(kind, msgspec.json.encode(one))
    assert decode(logged) == one
    line = told(logged)
    assert line == " ".join(words(one).split())
    assert line
    assert "object at" not in line


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_users_and_workers_say_is_one_short_printable_line(kind: str) -> None:
    one = example(KINDS[kind], "\x1b[2J\r\n\u202e<b>" + "x" * 1000)
    line = told(entry(kind, msgspec.json.encode(one)))
    assert line.isprintable()
    assert len(line) <= SHOWN_CHARACTERS


def test_what_is_not_known_or_damaged_is_shown_as_it_is() -> None:
    assert decode(entry("Future", b"{}")) is None
    assert told(entry("Future", b'{"a": 1}')) == '{"a": 1}'
    assert told(entry("Dispatch", b"\xff no json")) == "� no json"


def test_arrays_are_counts() -> None:
    added = example(ItemsAdded)
    assert told(entry("ItemsAdded", msgspec.json.encode(added))).startswith("3 items added, 3 of")


def test_the_page_tells_of_all_of_them_as_they_are() -> None:
    page = PAGE.read_text()
    assert page == with_tables(page), "write it by: python -m tests.journal.event_log_page"
    assert all(f"| `{one}` |" in page for one in [*KINDS, *(part.__name__ for part in PARTS)])
