"""Lines of a JSON Lines file as objects, with what is wrong with them by line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from pcm.errors import InputError

_BOM = b"\xef\xbb\xbf"


def objects(
    path: str | Path, complain: Callable[[InputError], None] | None = None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line, object), lines counted from 1; lines of white space only are passed over.

    Raises InputError (file, line) for a file that cannot be read, and for a line that is not UTF-8,
    not JSON or no object, unless ``complain`` takes the complaint: then that line is passed over.
    """
    name = str(path)
    try:
        with open(path, "rb") as file:
            for line, text in enumerate(file, 1):
                content = text.removeprefix(_BOM) if line == 1 else text
                if not content.strip():
                    continue
                try:
                    yield line, _object(content, name, line)
                except InputError as error:
                    if complain is None:
                        raise
                    complain(error)
    except FileNotFoundError:
        raise InputError("there is no such file", file=name, mend="check the path") from None
    except IsADirectoryError:
        raise InputError("is a directory", file=name, mend="give the path of a file") from None
    except OSError as error:
        raise InputError(
            f"cannot be read ({error.strerror})", file=name, mend="check the path and its mode"
        ) from error


def _object(text: bytes, name: str, line: int) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(text)
    except UnicodeDecodeError as error:
        raise InputError(
            f"is not UTF-8 ({error.reason})", file=name, line=line, mend="save the file as UTF-8"
        ) from None
    except msgspec.DecodeError as error:
        raise InputError(
            f"is not JSON ({error})", file=name, line=line, mend="write one JSON object per line"
        ) from None
    if not isinstance(found, dict):
        raise InputError(
            f"is {json_type(found)}, not an object",
            file=name,
            line=line,
            mend="write one JSON object per line",
        )
    return found


def json_type(value: object) -> str:
    """What a JSON value is, in words."""
    names = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}
    names |= {list: "a list", dict: "an object", type(None): "null"}
    return names.get(type(value), type(value).__name__)
