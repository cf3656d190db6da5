from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from types import FunctionType

import pytest

from pcm.user_code.modules import ModuleSource
from pcm.user_code.sources import class_digest, function_digest, module_digest
from tests.written_modules import written

ORIGINAL = '''
def f(x, *, y=(1, "two")):
    """Read by programs."""
    return [x, {"a": y, **{}}, lambda z: z + 1]
'''
SAME = '''
# A comment.
def f(
    x,
    *,
    y = (1, 'two'),  # another
):

    """Read by programs."""
    return [
        x, {'a': y, **{}}, (lambda z: (z + 1)),
    ]
'''


def digest(folder: Path, text: str) -> str:
    with written(folder, "subject", subject=text) as module:
        return function_digest(module.f)


def test_comments_formatting_and_lines_do_not_matter(tmp_path: Path) -> None:
    assert digest(tmp_path, ORIGINAL) == digest(tmp_path, SAME)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("z + 1", "z + 2"),
        ('"two"', '"three"'),
        ('"two"', 'b"two"'),
        ("(1,", "(1.0,"),
        ("by programs", "by people"),
        ("x, *", "x=None, *"),
    ],
)
def test_every_change_of_meaning_shows(tmp_path: Path, old: str, new: str) -> None:
    assert digest(tmp_path, ORIGINAL) != digest(tmp_path, ORIGINAL.replace(old, new))


def test_an_indented_function_keeps_its_strings_of_several_lines(tmp_path: Path) -> None:
    text = """
    def outer():
        def f():
            return '''
            deep
        shallow
            '''
        return f
    f = outer()
    """
    first = digest(tmp_path, text)
    assert digest(tmp_path, text.replace("        shallow", "            shallow")) != first
    plain = "def f():\n    return '''\n        deep\n    shallow\n        '''\n"
    assert digest(tmp_path, plain) == first  # the source and not the code object was read


def test_our_own_decorators_do_not_count(tmp_path: Path) -> None:
    decorated = "def same(f): return f\n@same\n" + dedent(ORIGINAL).lstrip()
    assert digest(tmp_path, decorated) == digest(tmp_path, ORIGINAL)


def executed(text: str) -> FunctionType:
    namespace: dict[str, FunctionType] = {}
    exec(text, namespace)  # type: ignore[arg-type]
    return namespace["f"]


def test_without_source_the_code_object_serves() -> None:
    one = "def f(x):\n    return x in {'a', 'b', 'c'} or (lambda: 1)\n"
    assert function_digest(executed(one)) == function_digest(executed("\n\n" + one))
    assert function_digest(executed(one)) != function_digest(executed(one.replace("1", "2")))
    assert function_digest(executed(one)) != function_digest(executed(one.replace("'c'", "'d'")))


def test_two_lambdas_on_one_line_differ() -> None:
    first, second = (lambda x: x + 1), (lambda x: x + 2)
    assert function_digest(first) != function_digest(second)


def test_a_file_that_changed_after_its_import_is_not_trusted(tmp_path: Path) -> None:
    with written(tmp_path, "subject", subject="def f():\n    return 1\n") as module:
        (tmp_path / "subject.py").write_text("def other():\n    return 2\n")
        assert function_digest(module.f) == function_digest(executed("def f():\n    return 1\n"))


def test_classes_and_modules(tmp_path: Path) -> None:
    def digests(text: str) -> tuple[str | None, str]:
        with written(tmp_path, "subject", subject=text) as module:
            return class_digest(module.C), module_digest(ModuleSource("subject", text, False, ""))

    plain = digests("class C:\n    x = 1\n")
    assert digests("# c\nclass C:\n\n    x = 1  # d\n") == plain
    assert None not in plain
    assert not set(digests("class C:\n    x = 2\n")) & set(plain)
    assert class_digest(type("Made", (), {})) is None
