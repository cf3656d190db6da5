from __future__ import annotations

import datetime
import enum
import pickle
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pytest

from workers.host.values import Unserialisable, decode_item, encode_result
from workers.protocol import PICKLED_EXTENSION


@dataclass
class Point:
    x: float
    y: float


class Colour(enum.Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "arrives"),
    [
        (None, None),
        ({"a": [1, 2.5, "x", b"y", True]}, {"a": [1, 2.5, "x", b"y", True]}),
        ((1, 2), [1, 2]),
        (np.float32(0.5), 0.5),
        (np.int64(7), 7),
        (np.bool_(True), True),
        (np.arange(6).reshape(2, 3), [[0, 1, 2], [3, 4, 5]]),
        ({"scores": np.array([0.25, 0.75])}, {"scores": [0.25, 0.75]}),
        (Point(1.0, 2.0), {"x": 1.0, "y": 2.0}),
        (Colour.RED, "red"),
        ({3: "three"}, {3: "three"}),
        (datetime.date(2026, 11, 20), "2026-11-20"),
    ],
)
def test_results_become_plain_data(value: Any, arrives: Any) -> None:
    assert msgspec.msgpack.decode(encode_result(value), strict=False) == arrives


def cyclic() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (object(), "builtins.object"),
        ({"deep": [lambda: 1]}, "function"),
        (1 << 70, "int"),
        (cyclic(), "list"),
        (1j, "complex"),
        (Point, "type"),
    ],
)
def test_a_result_that_cannot_travel_names_its_type_and_the_mend(value: Any, named: str) -> None:
    with pytest.raises(Unserialisable) as caught:
        encode_result(value)
    report = caught.value.report
    assert report.type == "UnserialisableResult"
    assert named in report.message
    assert "give plain data" in report.message


def test_items_arrive_as_they_were_given() -> None:
    pickled = msgspec.msgpack.Ext(PICKLED_EXTENSION, pickle.dumps({1, 2}))
    assert decode_item(msgspec.msgpack.encode({"a": 1})) == {"a": 1}
    assert decode_item(msgspec.msgpack.encode(pickled)) == {1, 2}


def test_an_unknown_extension_is_no_item() -> None:
    with pytest.raises(ValueError, match="unknown msgpack extension 99"):
        decode_item(msgspec.msgpack.encode(msgspec.msgpack.Ext(99, b"")))
