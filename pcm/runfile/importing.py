"""From a reference in a run file (``FILE.py:NAME`` or ``PACKAGE.MODULE:NAME``) to the object.

The user's modules travel to the workers by value, since a worker may not have them.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import os
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from pcm.errors import InputError

_OURS = str(Path(__file__).parents[1]) + os.sep


class UserCodeError(InputError):
    """The user's own code raised while it was imported or called; ``traceback`` shows where."""

    def __init__(self, problem: str, cause: BaseException) -> None:
        self.traceback = _from_user_code(cause)
        super().__init__(problem)


def referenced(reference: str, base: Path) -> Any:
    """The object that a reference names; files are relative to ``base``.

    Raises InputError if it does not exist, UserCodeError if its module raises.
    """
    place, _, name = reference.rpartition(":")
    module = _from_file(base / place) if place.endswith(".py") else _by_name(place, base)
    found: Any = module
    for step in name.split("."):
        try:
            found = getattr(found, step)
        except AttributeError:
            close = difflib.get_close_matches(step, dir(found), n=1)
            raise InputError(
                f"{place} has no {step!r}", mend=f"did you mean {close[0]}?" if close else ""
            ) from None
    return found


def _by_name(name: str, base: Path) -> ModuleType:
    _search_first(Path.cwd())
    _search_first(base)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not (name == error.name or name.startswith(error.name + ".")):
            raise UserCodeError(f"{name} cannot be imported: {error}", error) from error
        raise InputError(
            f"there is no module {error.name!r}",
            mend="install it, or write FILE.py:NAME with the path of its file",
        ) from None
    except Exception as error:
        raise UserCodeError(f"{name} cannot be imported: {_named(error)}", error) from error


def _from_file(path: Path) -> ModuleType:
    path = Path(os.path.normpath(path.absolute()))
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    root, parts = path.parent, [path.stem]
    while (root / "__init__.py").is_file():  # in a package: so that its own imports work
        parts.insert(0, root.name)
        root = root.parent
    _search_first(root)
    name = ".".join(parts)
    known = sys.modules.get(name)
    if known is not None and _is(known, path):
        return known
    try:
        if len(parts) > 1:
            module = importlib.import_module(name)
            if not _is(module, path):
                raise InputError(f"{path} is hidden by {module.__file__}, which has the same name")
            return module
        return _load(name if known is None else f"{name}_{abs(hash(path)):x}", path)
    except InputError:
        raise
    except Exception as error:
        raise UserCodeError(f"{path} cannot be imported: {_named(error)}", error) from error


def _load(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _is(module: ModuleType, path: Path) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and Path(file).samefile(path)


def _search_first(directory: Path) -> None:
    entry = str(directory.absolute())
    if entry not in sys.path:
        sys.path.insert(0, entry)


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _from_user_code(error: BaseException) -> str:
    """The traceback from the first frame that is not ours nor of the import machinery."""
    trace = error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if not file.startswith(_OURS) and "importlib" not in file:
            break
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace, chain=False))
