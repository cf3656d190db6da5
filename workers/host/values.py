"""Items and results as bytes: msgpack, with pickles only towards the worker."""

from __future__ import annotations

import pickle
from typing import Any

import msgspec

from workers.protocol import MAX_FRAME_BYTES, PICKLED_EXTENSION, ErrorReport

MAX_RESULT_BYTES = MAX_FRAME_BYTES // 4

_MEND = "give plain data: dict, list, str, numbers, bool, None, bytes, or numpy arrays"


class Unserialisable(Exception):
    """A result that cannot travel, with the report that its item gets instead."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.report = ErrorReport("UnserialisableResult", message)


def encode_result(value: Any) -> bytes:
    """msgpack of a task's result. Numpy scalars and arrays, torch tensors, dataclasses, sets,
    dates and the like become the plain data that they stand for.

    Raises Unserialisable, naming the type and the mend.
    """
    try:
        encoded = _encoder.encode(value)
    except Exception as error:
        problem = str(error) or type(error).__name__
        raise Unserialisable(
            f"a result of type {type(value).__name__} cannot be sent: {problem}; {_MEND}"
        ) from None
    if len(encoded) > MAX_RESULT_BYTES:
        raise Unserialisable(
            f"a result of {len(encoded)} bytes is too large to be sent (limit {MAX_RESULT_BYTES} "
            "bytes); write it to a file and return its path"
        )
    return encoded


def decode_item(encoded: bytes) -> Any:
    """An item as the user gave it. Raises whatever unpickling raises."""
    return _decoder.decode(encoded)


def _convert(value: Any) -> Any:
    convert = getattr(value, "tolist", None)
    if callable(convert) and not isinstance(value, type):
        return convert()
    raise TypeError(f"no plain form of {type(value).__module__}.{type(value).__qualname__}")


def _unpack(code: int, data: memoryview) -> Any:
    if code != PICKLED_EXTENSION:
        raise ValueError(f"unknown msgpack extension {code}")
    return pickle.loads(data)


_encoder = msgspec.msgpack.Encoder(enc_hook=_convert)
_decoder = msgspec.msgpack.Decoder(ext_hook=_unpack)
