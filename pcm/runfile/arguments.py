"""The arguments that a run file gives to a task or a context, as plain values."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pcm.runfile.document import Document
from pcm.runfile.document import Path as At

PLAIN = (str, bool, int, float, type(None))


def resolved(given: dict[str, Any], at: At, document: Document, base: Path) -> dict[str, Any]:
    """Every argument with its file read and its path made absolute.

    ``{file: P}`` is the text of a file (without newlines at its end), ``{path: P}`` (or a text that
    begins with ``./`` or ``../``) the absolute path of something that exists, ``{value: V}`` just
    V. Relative paths are relative to ``base``. Raises InputError with the line of the argument.
    """
    return {name: _resolve(value, (*at, name), document, base) for name, value in given.items()}


def _resolve(value: Any, at: At, document: Document, base: Path) -> Any:
    if isinstance(value, dict) and len(value) == 1:
        kind, inner = next(iter(value.items()))
        if kind == "value":
            return _plain(inner, (*at, kind), document)
        if kind in ("file", "path"):
            if not isinstance(inner, str) or not inner:
                raise document.error((*at, kind), "must be a path")
            path = _existing(inner, (*at, kind), document, base)
            return path if kind == "path" else _text(path, (*at, kind), document)
    if isinstance(value, str) and value.startswith(("./", "../")):
        return _existing(value, at, document, base)
    return _plain(value, at, document)


def _existing(given: str, at: At, document: Document, base: Path) -> str:
    path = os.path.normpath(base.absolute() / Path(given).expanduser())
    if not os.path.exists(path):
        raise document.error(
            at,
            f"there is no {path}",
            "relative paths start at the run file",
        )
    return path


def _text(path: str, at: At, document: Document) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").rstrip("\n")
    except UnicodeDecodeError:
        raise document.error(at, f"{path} is not text in UTF-8") from None
    except OSError as error:
        raise document.error(at, f"{path} cannot be read: {error.strerror}") from None


def _plain(value: Any, at: At, document: Document) -> Any:
    if isinstance(value, dict):
        for name, inner in value.items():
            _plain(inner, (*at, str(name)), document)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _plain(inner, (*at, index), document)
    elif not isinstance(value, PLAIN):
        raise document.error(at, f"is a {type(value).__name__}", "put it in quotes")
    return value
