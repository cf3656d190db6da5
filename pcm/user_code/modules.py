"""Which modules are the user's own, and so unknown to a worker.

A worker has the standard library, what is installed in its site-packages, and our ``workers``
package. Everything else (scripts, notebooks, projects on the path or installed as editable, and
``pcm`` itself) has to travel with the code that refers to it.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import sysconfig
from functools import cache
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import NamedTuple

NEVER_ON_WORKERS = frozenset({"pcm", "condor", "apps", "evaluations"})
ALWAYS_ON_WORKERS = frozenset({"workers"})
_INSTALLED = frozenset({"site-packages", "dist-packages"})

_known: dict[str, bool] = {}
"""Answers by top-level name. Modules that are not found are asked for again."""


class ModuleSource(NamedTuple):
    """The text of a module, read without importing it."""

    name: str
    text: str
    is_package: bool
    file: str


def is_user_module(name: str) -> bool:
    """Whether a worker cannot be expected to have this module; False if there is none here."""
    top = name.partition(".")[0]
    if top == "__main__" or top in NEVER_ON_WORKERS:
        return True
    if top in ALWAYS_ON_WORKERS:
        return False
    answer = _known.get(top)
    if answer is None:
        module = sys.modules.get(top)
        spec = None if module else _find_spec(top, None)
        if module is None and spec is None:
            return False
        answer = _known[top] = not _is_library(module, spec)
    return answer


def read_source(name: str) -> ModuleSource | None:
    """The source of a user module; None if it is not Python text or does not exist."""
    path: list[str] | None = None
    spec: ModuleSpec | None = None
    steps = name.split(".")
    for depth in range(1, len(steps) + 1):
        spec = _find_spec(".".join(steps[:depth]), path)
        if spec is None:
            return None
        path = _search_path(spec, path)
    assert spec is not None
    is_package = spec.submodule_search_locations is not None
    if spec.origin is None or not spec.has_location:
        return ModuleSource(name, "", True, "") if is_package else None
    if not spec.origin.endswith(".py"):
        return None
    try:
        with open(spec.origin, "rb") as file:
            text = importlib.util.decode_source(file.read())
    except (OSError, UnicodeDecodeError, SyntaxError):
        return None
    return ModuleSource(name, text, is_package, spec.origin)


def _find_spec(name: str, path: list[str] | None) -> ModuleSpec | None:
    try:
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = find(name, path) if find else None
            if spec is not None:
                return spec
    except KeyError:  # a namespace package is only found once its parent is imported
        folders = [os.path.join(place, name.rpartition(".")[2]) for place in path or ()]
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [folder for folder in folders if os.path.isdir(folder)]
        return spec
    return None


def _search_path(package: ModuleSpec, parent: list[str] | None) -> list[str]:
    """Where the modules of a package are; nowhere, if it is none."""
    try:
        return list(package.submodule_search_locations or ())
    except KeyError:
        name = package.name.rpartition(".")[2]
        places = (os.path.join(place, name) for place in parent or sys.path)
        return [place for place in places if os.path.isdir(place)]


def _is_library(module: ModuleType | None, spec: ModuleSpec | None) -> bool:
    if module is not None:
        spec = getattr(module, "__spec__", None)
    file = getattr(module, "__file__", None) or (spec.origin if spec and spec.has_location else "")
    if file:
        return _is_installed(file)
    locations = getattr(module, "__path__", None) or (spec and spec.submodule_search_locations)
    if locations:
        return all(_is_installed(location) for location in locations)
    # Built-in and frozen modules have a spec; one that somebody made at run time has none.
    return spec is not None


def _is_installed(path: str) -> bool:
    for form in {os.path.abspath(path), os.path.realpath(path)}:
        if not _INSTALLED.isdisjoint(form.split(os.sep)) or form.startswith(_library_roots()):
            return True
    return False


@cache
def _library_roots() -> tuple[str, ...]:
    paths = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), os.__file__}
    folders = {os.path.dirname(path) if path.endswith(".py") else path for path in paths}
    return tuple(form + os.sep for path in folders for form in (path, os.path.realpath(path)))
