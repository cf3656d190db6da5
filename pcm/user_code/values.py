"""A content hash of any value that does not depend on the process, the hash seed or the place.

A pickle will not do: it depends on which strings happen to be the same object, on the order of
sets and on line numbers of functions. So the value's structure is walked as pickle would walk it,
and its functions and classes are left to the caller, who gives each a name.
"""

from __future__ import annotations

import copyreg
import functools
import hashlib
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

NameOfCode = Callable[[Any], str]
"""Gives a function, class or module a name that stands for its content."""

_PLAIN = (type(None), bool, int, float, complex, str, type(...), type(NotImplemented))


def value_digest(value: object, name_of_code: NameOfCode) -> str:
    """Hash of a value; numbers, truth values and names of code are their own readable digest."""
    if value is None or type(value) in (bool, int, float):
        text = repr(value)
        if len(text) <= 40:
            return text
    if _is_code(value):
        return name_of_code(value)
    return _ValueHash(name_of_code).digest(value)


def _is_code(value: object) -> bool:
    if isinstance(value, BuiltinFunctionType):  # a method of an object is no code of its own
        return value.__self__ is None or isinstance(value.__self__, ModuleType | type)
    return isinstance(value, type | FunctionType | ModuleType | functools._lru_cache_wrapper)


class _ValueHash:
    """One walk over one value."""

    def __init__(self, name_of_code: NameOfCode) -> None:
        self._name_of_code = name_of_code
        self._hash = hashlib.blake2b(digest_size=16)
        self._seen: dict[int, int] = {}
        self._keep: list[object] = []

    def digest(self, value: object) -> str:
        self._feed(value)
        return self._hash.hexdigest()

    def _feed(self, value: Any) -> None:
        kind = type(value)
        if kind in _PLAIN:
            self._token(kind.__name__, repr(value).encode("utf-8", "surrogatepass"))
        elif kind in (bytes, bytearray):
            self._token(kind.__name__, bytes(value))
        elif _is_code(value):
            self._token("code", self._name_of_code(value).encode())
        elif id(value) in self._seen:
            self._token("seen", str(self._seen[id(value)]).encode())
        else:
            self._seen[id(value)] = len(self._seen)
            self._keep.append(value)
            self._feed_structure(value, kind)

    def _feed_structure(self, value: Any, kind: type) -> None:
        if kind in (list, tuple):
            self._token(kind.__name__, str(len(value)).encode())
            for element in value:
                self._feed(element)
        elif kind is dict:
            self._token("dict", str(len(value)).encode())
            for key, element in value.items():
                self._feed(key)
                self._feed(element)
        elif kind in (set, frozenset):
            elements = (_ValueHash(self._name_of_code).digest(element) for element in value)
            self._token(kind.__name__, "".join(sorted(elements)).encode())
        elif kind.__module__ == "numpy" and hasattr(value, "dtype") and not value.dtype.hasobject:
            self._token("numpy", f"{value.dtype.str}{value.shape}".encode())
            self._token("data", value.tobytes())
        else:
            self._feed_reduced(value, kind)

    def _feed_reduced(self, value: Any, kind: type) -> None:
        reduce = copyreg.dispatch_table.get(kind)
        try:
            reduced = reduce(value) if reduce else value.__reduce_ex__(4)
        except Exception:  # not for pickling; packing will say so where it matters
            self._token("opaque", self._name_of_code(kind).encode())
            return
        if isinstance(reduced, str):
            self._token("name", f"{kind.__module__}.{reduced}".encode())
            return
        function, arguments, state, elements, pairs = (*reduced, None, None, None)[:5]
        self._token("object", b"")
        for part in (function, arguments, state):
            self._feed(part)
        self._feed(list(elements) if elements is not None else None)
        self._feed(list(pairs) if pairs is not None else None)

    def _token(self, kind: str, content: bytes) -> None:
        """Add a token with its length, so that two sequences of tokens never read the same."""
        self._hash.update(f"{kind}:{len(content)}:".encode())
        self._hash.update(content)
