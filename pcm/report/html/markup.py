"""Elements of HTML and SVG as text that is safe by construction.

Whatever is not made here is text and is escaped, whatever it contains: keys, tracebacks and names
come from others. Characters that act without being seen are made visible.
"""

from __future__ import annotations

import html
from collections.abc import Iterable

from pcm.unseen import seen

_VOID = frozenset({"meta", "br", "line", "rect", "circle", "path"})


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def text(content: object) -> Markup:
    """Escaped, unless it is Markup."""
    if isinstance(content, Markup):
        return content
    return Markup(html.escape(seen(str(content)), quote=True))


def cut(content: str, characters: int) -> str:
    """Its beginning, where it is too long, and how much was left out."""
    if len(content) <= characters:
        return content
    return f"{content[:characters]} ... ({len(content) - characters:,} more characters)"


def tag(name: str, /, *children: object, **attributes: object) -> Markup:
    """An element. ``class_`` is written for ``class``, ``_`` for ``-``; None is left out, numbers
    have two decimals at most."""
    parts = [f"<{name}"]
    for key, value in attributes.items():
        if value is not None:
            parts.append(f' {key.rstrip("_").replace("_", "-")}="{text(number(value))}"')
    if not children and name in _VOID:
        return Markup("".join([*parts, "/>"]))
    return Markup("".join([*parts, ">", *map(text, children), f"</{name}>"]))


def joined(parts: Iterable[object]) -> Markup:
    return Markup("".join(map(text, parts)))


def number(value: object) -> object:
    """A float with two decimals at most, anything else as it is."""
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".") if value else "0"
    return value
