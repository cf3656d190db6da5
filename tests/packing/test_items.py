from __future__ import annotations

import enum
import pickle
import threading
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcm.errors import InputError
from pcm.packing import encode_item, encode_key
from workers.protocol import PICKLED_EXTENSION


def decode(payload: bytes) -> Any:
    item = msgspec.msgpack.decode(payload)
    if isinstance(item, msgspec.msgpack.Ext):
        assert item.code == PICKLED_EXTENSION
        return pickle.loads(item.data)
    return item


def is_plain(payload: bytes) -> bool:
    return not isinstance(msgspec.msgpack.decode(payload), msgspec.msgpack.Ext)


class Text(str):
    __slots__ = ()


class Label(str, enum.Enum):  # noqa: UP042 - so that it is a str by another type
    YES = "yes"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text() | st.binary()
    | st.floats(allow_nan=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(0, 9), inner),
    max_leaves=20,
)  # fmt: skip


@given(JSON)
def test_plain_data_arrives_as_it_was(item: Any) -> None:
    payload = encode_item(item)
    assert is_plain(payload)
    assert decode(payload) == item


@pytest.mark.parametrize(
    "item",
    [
        *((1, 2), {"a": (1,)}, {1, 2}, {(1, 2): 3}, {None: 1}, 2**70, {"n": -(2**70)}),
        *("\ud800", {"\ud800": 1}, Text("x"), [Label.YES], bytearray(b"x"), 1j),
        {"deep": [{"er": Text("x")}]},
    ],
)
def test_other_items_arrive_with_their_types(item: Any) -> None:
    payload = encode_item(item)
    assert not is_plain(payload)
    arrived = decode(payload)
    assert arrived == item
    assert type(arrived) is type(item)


def test_arrays_and_circles_arrive() -> None:
    assert (decode(encode_item({"x": np.arange(3)}))["x"] == np.arange(3)).all()
    circle: list[Any] = []
    circle.append(circle)
    arrived = decode(encode_item(circle))
    assert arrived[0] is arrived


def test_an_item_that_cannot_be_sent_is_named() -> None:
    with pytest.raises(InputError, match="entry 'lock' cannot be sent to a worker") as caught:
        encode_item({"id": 1, "lock": threading.Lock()})
    assert caught.value.field == ""  # left to the caller, who knows which item it is


def test_keys_keep_their_type() -> None:
    assert encode_key(1) == "1"
    assert encode_key("1") == '"1"'
    assert encode_key('é"\n') == '"é\\"\\n"'
    assert encode_key(np.int64(7)) == "7"
    assert encode_key(2**80) == str(2**80)
    assert encode_key(Label.YES) == '"yes"'


@pytest.mark.parametrize("wrong", [None, True, 1.5, b"x", ("a",), "\ud800", ["a"]])
def test_other_keys_are_refused(wrong: object) -> None:
    with pytest.raises(InputError, match="the key"):
        encode_key(wrong)
