"""Items and keys on their way into the journal and to the workers."""

from __future__ import annotations

import json
from numbers import Integral

import msgspec

from pcm.errors import InputError
from pcm.packing.fault import find_fault
from pcm.packing.pickler import dumps
from workers.protocol import PICKLED_EXTENSION

_SCALARS = frozenset({str, int, float, bool, type(None), bytes})
_KEYS = frozenset({str, int})
_encode = msgspec.msgpack.Encoder().encode


def encode_item(item: object) -> bytes:
    """One item for a worker: msgpack if it is plain data, else a pickle in an extension.

    Plain are dicts, lists, strings, bytes, numbers, truth values and None, by their exact types,
    so that the task is given what the user gave. Raises InputError for what cannot be pickled.
    """
    try:
        if _is_plain(item):
            return _encode(item)
    except (OverflowError, RecursionError, UnicodeEncodeError):
        pass  # large numbers, circles, half characters: pickle knows how
    return _encode(msgspec.msgpack.Ext(PICKLED_EXTENSION, _pickle(item)))


def encode_key(key: object) -> str:
    """A key as JSON text, so that 1 and "1" differ. Raises InputError for other types."""
    if isinstance(key, str):
        try:
            key.encode()
        except UnicodeEncodeError:
            raise InputError(f"the key {key!r} is not Unicode text", mend="mend the text") from None
        return json.dumps(str.__str__(key), ensure_ascii=False)
    if type(key) is not bool and isinstance(key, Integral):
        return str(int(key))
    raise InputError(
        f"the key {key!r} is a {type(key).__name__}", mend="keys are texts or whole numbers"
    )


def _is_plain(item: object) -> bool:
    kind = type(item)
    if kind in _SCALARS:
        return True
    if kind is dict:
        assert isinstance(item, dict)
        for key, value in item.items():
            if type(key) not in _KEYS or not (type(value) in _SCALARS or _is_plain(value)):
                return False
        return True
    if kind is list:
        assert isinstance(item, list)
        return all(type(element) in _SCALARS or _is_plain(element) for element in item)
    return False


def _pickle(item: object) -> bytes:
    try:
        return dumps(item, None, frozenset())
    except Exception as error:
        fault = find_fault(item, lambda part: dumps(part, None, frozenset())) or str(error)
        raise InputError(
            f"{fault} ({type(error).__name__}: {error})", mend="leave it out of the item"
        ) from error
