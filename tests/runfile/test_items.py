from __future__ import annotations

from pathlib import Path

import pytest

from pcm.errors import InputError
from pcm.runfile.items import ItemFile


def items(tmp_path: Path, text: str, **options: object) -> ItemFile:
    path = tmp_path / "items.jsonl"
    path.write_text(text)
    return ItemFile(str(path), **options)  # type: ignore[arg-type]


def test_items_are_read_anew_each_time(tmp_path: Path) -> None:
    file = items(tmp_path, '{"id": 1, "a": 2}\n\n{"id": "1", "a": 3}\n', key="id")
    assert file.check() == 2
    assert list(file) == list(file) == [{"id": 1, "a": 2}, {"id": "1", "a": 3}]


def test_limit_and_fields(tmp_path: Path) -> None:
    text = '{"id": 1, "a": 2, "b": 3}\n{"id": 2, "a": 4}\n{"id": 2, "a": 5}\n'
    file = items(tmp_path, text, key="id", limit=2, fields=("a",))
    assert file.check() == 2
    assert list(file) == [{"id": 1, "a": 2}, {"id": 2, "a": 4}]


@pytest.mark.parametrize(
    ("text", "line", "field", "words"),
    [
        ('{"id": 1}\n{"id": 2\n', 2, "", "not JSON"),
        ('{"id": 1}\n\n[2]\n', 3, "", "not an object"),
        ('{"id": 1}\n{"ID": 2}\n', 2, "id", "is missing"),
        ('{"id": 1.5}\n', 1, "id", "is a number"),
        ('{"id": "x"}\n{"id": "y"}\n{"id": "x"}\n', 3, "id", "the same key as in line 1"),
        ("\n\n", 0, "", "holds no lines"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, text: str, line: int, field: str, words: str) -> None:
    file = items(tmp_path, text, key="id")
    with pytest.raises(InputError) as caught:
        file.check()
    error = caught.value
    assert (error.file, error.line, error.field) == (file.path, line, field)
    assert words in str(error)


def test_a_wanted_field_that_is_missing(tmp_path: Path) -> None:
    file = items(tmp_path, '{"a": 1}\n{"b": 1}\n', fields=("a",))
    with pytest.raises(InputError, match=r"items.jsonl:2: a: is missing; add it"):
        file.check()
