"""cloudpickle, with the user's modules by value and their module objects cut to what is used."""

from __future__ import annotations

import functools
import importlib
import sys
import threading
from collections import ChainMap
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from io import BytesIO
from types import ModuleType
from typing import Any

import cloudpickle
from cloudpickle.cloudpickle import list_registry_pickle_by_value

from pcm.user_code.modules import is_user_module
from pcm.user_code.survey import WHOLE, Survey

_registry_lock = threading.RLock()
"""cloudpickle's list of modules to pickle by value is one for the whole process."""


class UserCodePickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Pickles for a process that has no module of the user's.

    ``survey`` tells which attributes of user modules are needed; without one, all are.
    """

    def __init__(self, file: BytesIO, survey: Survey | None, installed: Collection[str]) -> None:
        self._survey = survey
        self._installed = installed
        table = {ModuleType: self._reduce_module, functools._lru_cache_wrapper: _reduce_cached}
        # Before the base class begins: it reads the table then, and only then.
        self.dispatch_table = ChainMap(table, cloudpickle.Pickler.dispatch_table)
        super().__init__(file)

    def _reduce_module(self, module: ModuleType) -> Any:
        name = module.__name__
        top = name.partition(".")[0]
        by_value = top not in self._installed and (is_user_module(top) or name not in sys.modules)
        if not by_value or (self._survey and name in self._survey.imported):
            return (importlib.import_module, (name,))
        needed = self._survey.attributes.get(name, WHOLE) if self._survey else WHOLE
        if needed is WHOLE:
            state = {key: value for key, value in vars(module).items() if key[:2] != "__"}
        else:
            state = {key: getattr(module, key) for key in sorted(needed)}
        # With its content as state, pickled after the module itself: circles are no harm.
        return (ModuleType, (name,), state)


def dumps(value: object, survey: Survey | None, installed: Collection[str]) -> bytes:
    """The pickle of a value. Raises whatever the value's own parts raise."""
    with _by_value(installed), BytesIO() as file:
        UserCodePickler(file, survey, installed).dump(value)
        return file.getvalue()


def _reduce_cached(cached: Any) -> Any:
    """A ``functools.cache``d function, which pickle would look up by name, as an empty cache."""
    parameters = cached.cache_parameters()
    arguments = (cached.__wrapped__, parameters["maxsize"], parameters["typed"])
    return (type(cached), (*arguments, functools._CacheInfo))


@contextmanager
def _by_value(installed: Collection[str]) -> Iterator[None]:
    with _registry_lock:
        already = list_registry_pickle_by_value()
        modules = [module for module in _user_modules(installed) if module.__name__ not in already]
        for module in modules:
            cloudpickle.register_pickle_by_value(module)
        try:
            yield
        finally:
            for module in modules:
                cloudpickle.unregister_pickle_by_value(module)


_tops: tuple[tuple[int, str], list[str]] = ((0, ""), [])
"""Top-level names of the user's modules, with the state of ``sys.modules`` when they were found:
how many there were, and the last one."""


def _user_modules(installed: Collection[str]) -> list[ModuleType]:
    global _tops  # noqa: PLW0603 - looking through all modules for every item would take long
    state = (len(sys.modules), next(reversed(sys.modules)))
    if _tops[0] != state:
        names = dict.fromkeys(name.partition(".")[0] for name in list(sys.modules))
        _tops = (state, [name for name in names if is_user_module(name)])
    modules = {name: sys.modules.get(name) for name in _tops[1] if name not in installed}
    return [
        module
        for name, module in modules.items()
        # Not under another name than its own; and __main__ is treated so by cloudpickle anyway.
        if isinstance(module, ModuleType) and module.__name__ == name != "__main__"
    ]
