"""From the text of a run file to its models; every mistake is named with its line and field."""

from __future__ import annotations

import difflib
import os
import typing
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from pcm.errors import InputError
from pcm.runfile.document import Document
from pcm.runfile.shape import RunFile

if typing.TYPE_CHECKING:
    from pydantic_core import ErrorDetails


class RunFileError(InputError):
    """Several mistakes in one run file; ``str(error)`` has a line for each."""

    def __init__(self, problems: list[InputError]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


def read(path: str | os.PathLike[str]) -> tuple[RunFile, Document]:
    """The run file at the path. Raises InputError (RunFileError where there are several)."""
    file = os.fspath(path)
    try:
        text = Path(file).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InputError("not text in UTF-8", file=file) from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=file) from None
    return parse(text, file)


def parse(text: str, file: str) -> tuple[RunFile, Document]:
    """The run file in a text; ``file`` is its name for messages."""
    document = Document(text, file)
    try:
        return RunFile.model_validate(document.value), document
    except ValidationError as error:
        errors = error.errors(include_url=False)
        unknown = [one["loc"] for one in errors if one["type"] == "extra_forbidden"]
        misspelt = {(*at[:-1], _meant(at)) for at in unknown}
        problems = [
            _described(document, one)
            for one in errors
            if one["type"] != "missing" or one["loc"] not in misspelt
        ]
        problems.sort(key=lambda problem: problem.line)
        raise (problems[0] if len(problems) == 1 else RunFileError(problems)) from None


def _described(document: Document, error: ErrorDetails) -> InputError:
    path, kind, given = error["loc"], error["type"], error["input"]
    if kind == "missing":
        return document.error(path, "is missing", "add it")
    if kind == "extra_forbidden":
        meant = _meant(path)
        known = "known fields: " + ", ".join(_fields(path[:-1]))
        return document.error(path, "unknown field", f"did you mean {meant}?" if meant else known)
    if kind == "value_error":
        return document.error(path, error["msg"].removeprefix("Value error, "))
    if kind == "string_pattern_mismatch":
        return document.error(
            path, f"{given!r} does not name anything", "write FILE.py:NAME or PACKAGE.MODULE:NAME"
        )
    problem = error["msg"].removeprefix("Input ")
    mend = "put it in quotes" if kind == "string_type" and _scalar(given) else ""
    return document.error(path, f"{problem}, not {_shown(given)}", mend)


def _meant(path: tuple[int | str, ...]) -> str:
    """The known field that an unknown one is most like, or nothing."""
    close = difflib.get_close_matches(str(path[-1]), _fields(path[:-1]), n=1)
    return close[0] if close else ""


def _fields(path: tuple[int | str, ...]) -> list[str]:
    """The fields of the model that stands at a path of the run file."""
    model: type[BaseModel] = RunFile
    for step in path:
        if isinstance(step, str):
            inner = model.model_fields[step].annotation
            arguments = typing.get_args(inner)
            model = arguments[0] if arguments else typing.cast("type[BaseModel]", inner)
    return list(model.model_fields)


def _scalar(value: Any) -> bool:
    return isinstance(value, (bool, int, float)) or (
        value is not None and not isinstance(value, (dict, list))
    )


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return "nothing" if value is None else repr(value)
