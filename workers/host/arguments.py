"""Arguments of a loader that stand for files, replaced by the places where these are here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any


def with_places(
    args: Sequence[Any], kwargs: Mapping[str, Any], places: Mapping[int | str, str]
) -> tuple[list[Any], dict[str, Any]]:
    """The arguments with a place for each that ``places`` names, by position or by name.

    Text stays text, and a path a path of its class. Raises LookupError for an argument that is not
    among those given.
    """
    positional, named = list(args), dict(kwargs)
    for argument, place in places.items():
        if isinstance(argument, str):
            if argument not in named:
                raise LookupError(f"the loader was given no argument {argument!r}")
            named[argument] = _like(named[argument], place)
        else:
            if not 0 <= argument < len(positional):
                raise LookupError(f"the loader was given no argument number {argument}")
            positional[argument] = _like(positional[argument], place)
    return positional, named


def _like(argument: Any, place: str) -> Any:
    return type(argument)(place) if isinstance(argument, PurePath) else place
