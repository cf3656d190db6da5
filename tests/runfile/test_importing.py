from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pcm.errors import InputError
from pcm.runfile.importing import UserCodeError, referenced


@pytest.fixture(autouse=True)
def _imports_are_undone() -> Iterator[None]:
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name.startswith("made_"):
            del sys.modules[name]


def test_a_file_beside_the_run_file(tmp_path: Path) -> None:
    (tmp_path / "made_helper.py").write_text("FACTOR = 3\n")
    (tmp_path / "made_task.py").write_text(
        "from made_helper import FACTOR\nclass Tasks:\n    work = FACTOR\n"
    )
    assert referenced("made_task.py:Tasks.work", tmp_path) == 3
    assert referenced("made_task.py:FACTOR", tmp_path) == 3, "the second time it is known"


def test_a_file_in_a_package_is_imported_as_a_part_of_it(tmp_path: Path) -> None:
    package = tmp_path / "made_package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "labels.py").write_text("LABELS = ['a']\n")
    (package / "task.py").write_text("from .labels import LABELS\n")
    assert referenced("made_package/task.py:LABELS", tmp_path) == ["a"]
    assert referenced("made_package.task:__name__", tmp_path) == "made_package.task"


def test_a_name_that_is_taken_by_another_module(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("WORK = 1\n")
    assert referenced("json.py:WORK", tmp_path) == 1
    assert "loads" in vars(sys.modules["json"])


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("absent.py:work", "there is no file"),
        ("made_absent.module:work", "there is no module 'made_absent'"),
        ("json:lods", "json has no 'lods'; did you mean loads?"),
    ],
)
def test_what_does_not_exist(tmp_path: Path, reference: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        referenced(reference, tmp_path)
    assert words in str(caught.value)


@pytest.mark.parametrize("reference", ["made_bad.py:work", "made_bad:work"])
def test_a_module_that_raises_shows_its_own_traceback(tmp_path: Path, reference: str) -> None:
    (tmp_path / "made_bad.py").write_text("def fail():\n    return 1 / 0\nfail()\n")
    with pytest.raises(UserCodeError, match="ZeroDivisionError: division by zero") as caught:
        referenced(reference, tmp_path)
    assert "made_bad.py" in caught.value.traceback
    assert "importing.py" not in caught.value.traceback
    assert "importlib" not in caught.value.traceback
