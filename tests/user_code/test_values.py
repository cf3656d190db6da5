from __future__ import annotations

import datetime
import enum
import re
import subprocess
import sys
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pytest

from pcm.user_code.values import value_digest


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


@dataclass
class Settings:
    names: set[str]
    nested: list[Any] = field(default_factory=list)


def digest(value: object) -> str:
    return value_digest(value, lambda code: getattr(code, "__qualname__", repr(code)))


DISTINCT: list[Any] = [
    *(None, True, 1, 1.0, "1", b"1", bytearray(b"1"), 1j, ...),
    *([1], (1,), {1}, frozenset({1}), {1: 1}, [1, [2]], [[1], 2], ["ab", "c"], ["a", "bc"]),
    *(Colour.RED, Colour.BLUE, re.compile("a"), re.compile("a", re.IGNORECASE), range(3)),
    *(datetime.date(2026, 1, 1), PurePosixPath("a"), OrderedDict(a=1), {"a": 1}),
    *(np.int64(1), np.float32(1), np.arange(4), np.arange(4).reshape(2, 2), np.arange(4.0)),
    *(Settings({"a"}), Settings({"b"}), Settings({"a"}, [1]), "x".join, "y".join, len, int),
    *(threading.Lock(), threading.Event()),
]


def test_different_values_have_different_digests() -> None:
    digests = [digest(value) for value in DISTINCT]
    assert len(set(digests)) == len(DISTINCT)


def test_equal_values_have_equal_digests() -> None:
    prompt = "".join(["pro", "mpt"])  # not the same object as the literal
    assert digest(["prompt", "prompt"]) == digest([prompt, "prompt"])
    assert digest(Settings({"b", "a"})) == digest(Settings({"a", "b"}))
    assert digest(np.arange(8)[::2]) == digest(np.array([0, 2, 4, 6]))


def test_circles_end() -> None:
    def circle(last: object) -> list[Any]:
        made: list[Any] = [1]
        made += [made, last]
        return made

    assert digest(circle(2)) == digest(circle(2))
    assert digest(circle(2)) != digest(circle(3))


def test_numbers_are_readable() -> None:
    assert [digest(value) for value in (3, 0.5, True, None)] == ["3", "0.5", "True", "None"]


PROGRAM = """
from pcm.user_code.values import value_digest
words = {"alpha", "beta", "gamma", "delta"}
print(value_digest([words, frozenset(words), {"a": words}], str))
"""


@pytest.mark.parametrize("seed", ["1", "77"])
def test_the_hash_seed_does_not_matter(seed: str) -> None:
    words = {"alpha", "beta", "gamma", "delta"}
    printed = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert printed.strip() == value_digest([words, frozenset(words), {"a": words}], str)
