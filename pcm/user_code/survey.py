"""Everything a piece of user code refers to, directly and through others, each part with its hash.

The walk goes through the user's functions, classes and values and stops at the library's, which
are told by name. It follows code objects and object structure in an order that depends neither on
the process nor on the hash seed; whatever is met twice is visited once, so circles do no harm.
"""

from __future__ import annotations

import functools
from types import FunctionType, ModuleType
from typing import Any

from pcm.user_code.classes import data_attributes, methods
from pcm.user_code.module_imports import imports_of
from pcm.user_code.modules import ModuleSource, is_user_module, read_source
from pcm.user_code.references import Reference, imported_modules, references
from pcm.user_code.sources import class_digest, function_digest, module_digest
from pcm.user_code.values import value_digest

WHOLE = None
"""Instead of attribute names: all of a module is needed."""


class Survey:
    """What was found on a walk that started at one function, the root.

    ``parts``: hash (or value, if a number) by readable name.
    ``attributes``: for every user module that is referred to as an object, the names read from it,
    or WHOLE. ``imported``: sources of the user modules that are imported while functions run.
    """

    def __init__(self, home: str = "", root: str = "") -> None:
        self.parts: dict[str, str] = {}
        self.attributes: dict[str, set[str] | None] = {}
        self.imported: dict[str, ModuleSource] = {}
        self._home, self._root = home, root
        self._labels: dict[int, str] = {}
        self._keep: list[object] = []  # ids stay valid only while their objects live

    @classmethod
    def of(cls, root: FunctionType) -> Survey:
        """The survey of a function. Its parts are named as seen from the function's module."""
        # By the module it says it is of, which for a wrapper is the wrapped function's.
        survey = cls(str(root.__module__), root.__qualname__)
        survey._function(root, survey._remember(root, root.__qualname__))
        return survey

    def value(self, value: object) -> str:
        """The digest of a value; the functions, classes and modules in it become parts."""
        return value_digest(value, self._code)

    # -- code -----------------------------------------------------------------------------------

    def _code(self, thing: Any) -> str:
        """A name for a function, class or module, which is visited if it is the user's."""
        if isinstance(thing, functools._lru_cache_wrapper):
            return f"cached {self._code(thing.__wrapped__)}"
        if isinstance(thing, ModuleType):
            return self._module(thing)
        if id(thing) in self._labels:
            return self._labels[id(thing)]
        name = str(getattr(thing, "__qualname__", None) or getattr(thing, "__name__", repr(thing)))
        module = str(getattr(thing, "__module__", None) or "")
        if isinstance(thing, FunctionType) and not _is_importable(thing):
            label = self._remember(thing, self._local(module, name))
            self._function(thing, label)
        elif isinstance(thing, type) and is_user_module(module):
            label = self._remember(thing, self._local(module, name))
            self._class(thing, label)
        else:
            label = f"{module}.{name}"
        return label

    def _function(self, function: FunctionType, label: str) -> None:
        if is_user_module(function.__globals__.get("__name__", "")):
            self.parts[self._of("source", label)] = function_digest(function)
        else:  # a library's wrapper: its name will do, but what it wraps may be the user's
            wrapper = f"{function.__globals__.get('__name__')}.{function.__code__.co_qualname}"
            self.parts[self._of("wrapper", label)] = wrapper
        self._references(function, label)

    def _class(self, cls: type, label: str) -> None:
        source = class_digest(cls)
        self.parts[f"source of {label}"] = source or "unknown"
        for base in (*cls.__bases__, type(cls)):
            self._code(base)
        for name, method in methods(cls):
            if source is None:
                self._function(method, f"{label}.{name}")
            elif method.__code__.co_filename[:1] != "<":  # generated: follows from the source
                self._references(method, f"{label}.{name}")
        for name, value in data_attributes(cls):
            self.parts[f"attribute {label}.{name}"] = self.value(value)

    def _module(self, module: ModuleType) -> str:
        if is_user_module(module.__name__):
            self.attributes[module.__name__] = WHOLE
            self._import(module.__name__)
        return f"module {module.__name__}"

    # -- references -----------------------------------------------------------------------------

    def _references(self, function: FunctionType, label: str) -> None:
        for reference in references(function):
            for module, attribute in reference.through:
                needed = self.attributes.setdefault(module.__name__, set())
                if needed is not WHOLE:
                    needed.add(attribute)
            part = self._part_name(reference, function, label)
            if part and part not in self.parts:
                self.parts[part] = ""  # holds the place, should the value lead back here
                digest = self.value(reference.value)
                if digest == reference.name:  # a function or class by its own name
                    del self.parts[part]
                else:
                    self.parts[part] = digest
        for name in imported_modules(function):
            self._import(name)

    def _part_name(self, reference: Reference, function: FunctionType, label: str) -> str:
        if reference.kind == "global":
            name = self._local(function.__globals__.get("__name__", ""), reference.name)
            return f"global {name}"
        if reference.kind == "default" and label == self._root:
            return ""  # these are among the arguments that the root is given
        return self._of(f"{reference.kind} {reference.name!r}", label)

    def _import(self, name: str) -> None:
        """Note the source of a user module, of its parent packages and of what it imports."""
        if name in self.imported or not is_user_module(name):
            return
        source = read_source(name)
        if source is None:
            return
        self.imported[name] = source
        self.parts[f"module {name}"] = module_digest(source)
        parent = name.rpartition(".")[0]
        for following in (parent, *imports_of(source)) if parent else imports_of(source):
            self._import(following)

    # -- names ----------------------------------------------------------------------------------

    def _of(self, what: str, label: str) -> str:
        return what if label == self._root else f"{what} of {label}"

    def _local(self, module: str, name: str) -> str:
        return name if module == self._home else f"{module}.{name}"

    def _remember(self, thing: object, label: str) -> str:
        """Give a thing its label; the second of the same name gets a number."""
        taken = set(self._labels.values())
        unique, number = label, 2
        while unique in taken:
            unique, number = f"{label} ({number})", number + 1
        self._labels[id(thing)] = unique
        self._keep.append(thing)
        return unique


def _is_importable(function: FunctionType) -> bool:
    """Whether it is a library's own function, found there by its name (no closure, no wrapper)."""
    true_module = function.__globals__.get("__name__", "")
    return (
        function.__module__ == true_module
        and not is_user_module(true_module)
        and "<" not in function.__qualname__
    )
