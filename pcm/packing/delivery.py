"""Sources of the user's modules that a worker can import, though it does not have them.

Needed for import statements that run on the worker, in the body of a function. What is here is
sent by value and runs on the worker: it refers to nothing of pcm.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

Source = tuple[str, str, bool, str]
"""Name, text, whether it is a package, and the file it came from, for tracebacks."""


class DeliveredSources(MetaPathFinder, InspectLoader):
    """Finds and loads modules from text. It is asked first: identities are made of this text."""

    def __init__(self) -> None:
        self.sources: dict[str, Source] = {}

    def take(self, sources: Iterable[Source]) -> None:
        for source in sources:
            name = source[0]
            if self.sources.get(name, source) != source:
                sys.modules.pop(name, None)  # of an earlier run, with another text
            self.sources[name] = source

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self.sources:
            return None
        _, _, is_package, file = self.sources[fullname]
        spec = ModuleSpec(fullname, self, origin=file, is_package=is_package)
        spec.has_location = bool(file)
        return spec

    def is_package(self, fullname: str) -> bool:
        return self.sources[fullname][2]

    def get_source(self, fullname: str) -> str:
        return self.sources[fullname][1]

    def exec_module(self, module: ModuleType) -> None:
        _, text, _, file = self.sources[module.__name__]
        exec(compile(text, file or f"<{module.__name__}>", "exec", dont_inherit=True), vars(module))


def deliver(sources: Iterable[Source]) -> None:
    """Make these modules importable in this process."""
    for finder in sys.meta_path:
        if isinstance(finder, DeliveredSources):
            finder.take(sources)
            return
    finder = DeliveredSources()
    finder.take(sources)
    sys.meta_path.insert(0, finder)
