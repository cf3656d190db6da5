"""The text format in which exporters offer metrics to Prometheus (version 0.0.4)."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from typing import NamedTuple

_SAMPLE = re.compile(
    r"(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)"
    r"(?:\{(?P<labels>.*)\})?"
    r"[ \t]+(?P<value>[^ \t]+)(?:[ \t]+-?\d+)?[ \t]*"
)
_LABEL = re.compile(r'[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"((?:[^"\\]|\\.)*)"[ \t]*(,|$)')
_ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}
_NAME_END = re.compile(r"[{ \t]")


class Sample(NamedTuple):
    name: str
    labels: dict[str, str]
    value: float


def samples(text: str, wanted: Container[str]) -> Iterator[Sample]:
    """Those of the wanted names, in the order of the text. Lines of others are only passed over.

    Raises ValueError, with the number of the line, for a wanted one that is not in the format.
    """
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.strip(" \t\r")
        name = _NAME_END.split(line, maxsplit=1)[0]
        if not line or line.startswith("#") or name not in wanted:
            continue
        match = _SAMPLE.fullmatch(line)
        try:
            if match is None:
                raise ValueError("not a sample")
            value = float(match["value"])  # It reads NaN, +Inf and -Inf as the format has them.
            yield Sample(name, _labels(match["labels"] or ""), value)
        except ValueError as fault:
            raise ValueError(f"line {number}: {fault}: {line[:200]!r}") from None


def _labels(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        match = _LABEL.match(text, at)
        if match is None:
            raise ValueError("not labels")
        found[match[1]] = re.sub(
            r"\\.", lambda escape: _ESCAPES.get(escape[0], escape[0]), match[2]
        )
        at = match.end()
    return found
