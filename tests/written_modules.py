"""Modules of a user, written by a test and imported afresh."""

from __future__ import annotations

import importlib
import linecache
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent
from types import ModuleType


@contextmanager
def written(folder: Path, main: str, **files: str) -> Iterator[ModuleType]:
    """Import module ``main`` of a folder that holds these files (``a__b`` is ``a/b.py``)."""
    tops = set()
    for name, text in files.items():
        path = folder / (name.replace("__", "/").replace("/init/", "/__init__") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
        tops.add(name.partition("__")[0])

    def forget() -> None:
        for loaded in [name for name in sys.modules if name.partition(".")[0] in tops]:
            del sys.modules[loaded]
        importlib.invalidate_caches()
        linecache.clearcache()

    forget()
    sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
    sys.path.insert(0, str(folder))
    try:
        yield importlib.import_module(main)
    finally:
        sys.path.remove(str(folder))
        sys.dont_write_bytecode = before
        forget()
