from __future__ import annotations

import json
import os.path
from typing import Any

import pcm.errors
from pcm.user_code.references import Import as Statement
from pcm.user_code.references import code_names, imported_modules, references, resolve_import

PROMPT = "p"


def outer(used: int) -> Any:
    unassigned: Any

    def inner(x: int, y: object = PROMPT, *, z: int = 3) -> Any:
        def nested() -> Any:
            return json.dumps, pcm.errors.InputError, os.path.join

        return nested, PROMPT, used, unassigned, undefined_name, len  # type: ignore[name-defined] # noqa: F821

    if used < 0:
        unassigned = 1
    return inner


def test_globals_variables_and_defaults_are_found() -> None:
    found = {(reference.kind, reference.name): reference for reference in references(outer(5))}
    assert set(found) == {
        ("global", "PROMPT"),
        ("global", "json"),  # a library's module: what is read from it does not matter
        ("global", "os"),
        ("global", "pcm.errors.InputError"),
        ("variable", "used"),
        ("default", "y"),
        ("default", "z"),
    }
    assert found["variable", "used"].value == 5
    assert found["default", "z"].value == 3
    error = found["global", "pcm.errors.InputError"]
    assert error.value is pcm.errors.InputError
    assert error.through == ((pcm, "errors"), (pcm.errors, "InputError"))


def importing() -> Any:
    import json as library  # noqa: F401

    import pcm.sizes  # noqa: F401
    from pcm import core  # noqa: F401

    from .. import conftest  # type: ignore[attr-defined] # noqa: F401, TID252
    from .test_modules import written  # noqa: F401


def test_imports_in_a_body_name_the_users_modules() -> None:
    assert len(code_names(importing.__code__).imports) == 5
    assert set(imported_modules(importing)) == {
        "pcm.sizes",
        "pcm",
        "pcm.core",
        "tests",
        "tests.conftest",
        "tests.user_code.test_modules",
        "tests.user_code.test_modules.written",
    }


def test_relative_imports_are_resolved_from_their_package() -> None:
    statement = Statement("b", ("c", "*"), 2)
    assert list(resolve_import(statement, "apps.a.d")) == ["apps.a.b", "apps.a.b.c"]
    assert list(resolve_import(Statement("", ("c",), 1), "apps")) == ["apps", "apps.c"]
    assert list(resolve_import(Statement("json", ("c",), 0), "")) == []
