from __future__ import annotations

from pathlib import Path

from pcm.user_code.survey import WHOLE, Survey
from tests.written_modules import written

MAIN = """
    import functools
    import json
    import helpers
    from helpers import shared as renamed
    from pkg import deep

    PROMPT = "p"
    LIMIT = 3

    def wrap(f):
        @functools.wraps(f)
        def wrapper(*a, **k):
            return f(*a, **k)
        return wrapper

    @functools.cache
    def cached(x):
        return x + LIMIT

    class Base:
        def method(self):
            return PROMPT

    class Child(Base):
        size = LIMIT
        @property
        def p(self):
            return loop

    def loop():
        return root, Child, loop

    @wrap
    def decorated():
        return json.dumps(helpers.used())

    def root(llm, items, default=LIMIT):
        import lazy
        return loop, decorated, cached, renamed, deep.function, Child(), lazy
"""
HELPERS = """
    TABLE = {"a": 1}
    def used():
        return TABLE
    def shared():
        return 1
    def unused():
        return 2
"""
FILES = {
    "helpers": HELPERS,
    "pkg__init__": "",
    "pkg__deep": "def function():\n    return 4\n",
    "lazy": "from pkg import other\nX = 1\n",
    "pkg__other": "Y = 1\n",
}


def survey(folder: Path, main: str = MAIN, **files: str) -> Survey:
    with written(folder, "main_script", main_script=main, **(FILES | files)) as module:
        return Survey.of(module.root)


def test_everything_that_is_referred_to_is_a_part_with_a_readable_name(tmp_path: Path) -> None:
    found = survey(tmp_path)
    assert set(found.parts) == {
        "source",
        "source of loop",
        "source of Child",
        "source of Base",
        "attribute Child.size",
        "global PROMPT",
        "global LIMIT",
        "source of decorated",
        "variable 'f' of decorated",
        "source of decorated (2)",
        "global json",
        "source of helpers.used",
        "global helpers.TABLE",
        "global cached",
        "source of cached",
        "global renamed",
        "source of helpers.shared",
        "source of pkg.deep.function",
        "global deep.function",
        "module lazy",
        "module pkg",
        "module pkg.other",
    }
    assert found.parts["global LIMIT"] == "3"
    assert found.attributes == {"helpers": {"used"}, "pkg.deep": {"function"}}
    assert set(found.imported) == {"lazy", "pkg", "pkg.other"}


def changed(folder: Path, main: str = MAIN, **files: str) -> set[str]:
    before, after = survey(folder).parts, survey(folder, main, **files).parts
    return {part for part in before.keys() | after.keys() if before.get(part) != after.get(part)}


def test_a_change_shows_in_the_part_that_it_concerns(tmp_path: Path) -> None:
    assert changed(tmp_path) == set()
    assert changed(tmp_path, MAIN.replace('"p"', '"q"')) == {"global PROMPT"}
    assert changed(tmp_path, MAIN.replace("LIMIT = 3", "LIMIT = 4")) == {
        "global LIMIT",
        "attribute Child.size",
    }
    assert changed(tmp_path, MAIN.replace("x + LIMIT", "x - LIMIT")) == {"source of cached"}
    assert changed(tmp_path, helpers=HELPERS.replace('"a": 1', '"a": 2')) == {
        "global helpers.TABLE"
    }
    assert changed(tmp_path, helpers=HELPERS.replace("return 2", "return 3")) == set()
    assert changed(tmp_path, pkg__other="Y = 2\n") == {"module pkg.other"}
    assert changed(tmp_path, pkg__other="Y = 1  # one\n") == set()


def test_a_module_that_is_used_as_a_whole_counts_as_a_whole(tmp_path: Path) -> None:
    text = "import helpers\ndef root(a, b):\n    return getattr(helpers, b)\n"
    found = survey(tmp_path, text)
    assert found.attributes == {"helpers": WHOLE}
    assert set(found.parts) == {"source", "global helpers", "module helpers"}


def test_closures_of_one_factory_are_told_apart(tmp_path: Path) -> None:
    text = """
    def make(n):
        def made():
            return n
        return made
    one, two = make(1), make(2)
    def root(a, b):
        return one, two
    """
    parts = survey(tmp_path, text).parts
    assert parts["variable 'n' of make.<locals>.made"] == "1"
    assert parts["variable 'n' of make.<locals>.made (2)"] == "2"


def test_a_librarys_wrapper_is_named_and_what_it_wraps_is_read(tmp_path: Path) -> None:
    text = """
    import contextlib
    SIZE = 1
    @contextlib.contextmanager
    def root(a, b):
        yield SIZE
    """
    parts = survey(tmp_path, text).parts
    assert parts["wrapper"] == "contextlib.contextmanager.<locals>.helper"
    assert parts["global SIZE"] == "1"
    assert "source of root (2)" in parts
