"""The tokenizer of a model, without reading its largest file twice."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from transformers import AddedToken, AutoTokenizer

FILE = "tokenizer.json"
CONFIG = "tokenizer_config.json"
OLDER_FILES = ("special_tokens_map.json", "added_tokens.json")
HEAD_CHARACTERS = 1 << 20
"""The added tokens are at the beginning, before the vocabulary."""


def load_tokenizer(source: Path | str, config: Any, **hub: Any) -> Any:
    """As ``AutoTokenizer.from_pretrained(source, config=config, **hub)``, which raises the errors.

    Where a directory tells of added tokens in ``tokenizer.json`` only, transformers has Python
    decode all of it for their sake, and then has it read once more for all the rest.
    """
    given = {}
    if isinstance(source, Path):
        added = added_tokens(source)
        if added is not None:
            given["added_tokens_decoder"] = added
    return AutoTokenizer.from_pretrained(source, config=config, **given, **hub)


def added_tokens(directory: Path) -> dict[int, AddedToken] | None:
    """The tokens that were added to the vocabulary, by number; None if they are to be found in
    another way than at the beginning of ``tokenizer.json``."""
    try:
        if any((directory / name).exists() for name in OLDER_FILES):
            return None
        with (directory / CONFIG).open(encoding="utf-8") as file:
            if "added_tokens_decoder" in json.load(file):
                return None
        with (directory / FILE).open(encoding="utf-8") as file:
            found = _member(file.read(HEAD_CHARACTERS), "added_tokens")
        tokens = {}
        for token in found:
            number = token.pop("id")
            tokens[number] = AddedToken(**token)
    except (OSError, ValueError, TypeError, AttributeError, KeyError, IndexError):
        return None  # Whatever is wrong with it, transformers will tell.
    return tokens


def _member(text: str, wanted: str) -> Any:
    """The value of this name in a JSON object that may be cut off behind it. Raises ValueError if
    it is not there."""
    decode = json.JSONDecoder().raw_decode

    def past(character: str, at: int) -> int:
        found = re.compile(rf"\s*{character}\s*").match(text, at)
        if found is None:
            raise ValueError(f"no {character} at {at}")
        return found.end()

    at = past("{", 0)
    while True:
        name, at = decode(text, at)
        value, at = decode(text, past(":", at))
        if name == wanted:
            return value
        at = past(",", at)
