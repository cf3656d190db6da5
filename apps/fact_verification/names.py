"""Names of prompts and models: heads of the table's rows and columns, and names of directories."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pcm

LETTERS = "letters, digits, '.', '_' and '-', first a letter or digit"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def is_name(text: str) -> bool:
    """Whether it can name a directory everywhere."""
    return _NAME.fullmatch(text) is not None


def named_models(given: Sequence[str]) -> dict[str, str]:
    """Names to models, in the order given: ``NAME=MODEL``, or just a model.

    Without a name, a model is called like its directory, or like the last part of its hub id.
    Raises pcm.InputError for a name that cannot be one, or that two models have.
    """
    models: dict[str, str] = {}
    for text in given:
        name, model = _named(text)
        if not model or not is_name(name):
            raise pcm.InputError(
                f"{text!r} gives no name" if model else f"{text!r} names no model",
                field="--models",
                mend=f"write NAME=DIR_OR_HUB_ID, with a name of {LETTERS}",
            )
        if name in models:
            raise pcm.InputError(
                f"{models[name]!r} and {model!r} are both called {name!r}",
                field="--models",
                mend=f"give one another name: NAME={model}",
            )
        models[name] = model
    return models


def _named(text: str) -> tuple[str, str]:
    name, separator, model = text.partition("=")
    if separator and is_name(name) and not Path(text).exists():
        return name, model
    path = Path(text)
    return (path.resolve() if path.exists() else path).name, text
