"""What a class body left in the class: functions, and values that its source may only name."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from enum import Enum
from types import (
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    WrapperDescriptorType,
)

_DESCRIPTORS = (
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    WrapperDescriptorType,
    property,
    staticmethod,
    classmethod,
    functools.cached_property,
    FunctionType,
)


def methods(cls: type) -> Iterator[tuple[str, FunctionType]]:
    """Functions of a class by name: methods, static and class methods, parts of properties."""
    for name, value in vars(cls).items():
        candidates: tuple[object, ...] = (value,)
        if isinstance(value, staticmethod | classmethod):
            candidates = (value.__func__,)
        elif isinstance(value, property):
            candidates = (value.fget, value.fset, value.fdel)
        elif isinstance(value, functools.cached_property):
            candidates = (value.func,)
        for function in candidates:
            if isinstance(function, FunctionType):
                yield name, function


def data_attributes(cls: type) -> Iterator[tuple[str, object]]:
    """Values of a class by name, without what Python and the library put there."""
    if issubclass(cls, Enum):
        return  # the members follow from the source
    for name, value in vars(cls).items():
        if not (name.startswith("__") or name == "_abc_impl" or isinstance(value, _DESCRIPTORS)):
            yield name, value
