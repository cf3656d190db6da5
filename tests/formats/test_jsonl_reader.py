from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from pcm.errors import InputError
from pcm.formats import read_jsonl


def rows(path: Path, **options: Any) -> list[tuple[int, dict[str, Any]]]:
    return list(read_jsonl(path, **options))


def file(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "items.jsonl"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_lines_are_numbered_as_in_the_file(tmp_path: Path) -> None:
    path = file(tmp_path, '\ufeff{"id": 1}\n\n  \r\n{"id": "1"}\r\n{"id": 2}')
    assert rows(path, key="id") == [(1, {"id": 1}), (4, {"id": "1"}), (5, {"id": 2})]


def test_a_limit_stops_before_what_follows(tmp_path: Path) -> None:
    path = file(tmp_path, '{"id": 1}\n{"id": 2}\nnot json\n')
    assert [row["id"] for _, row in rows(path, key="id", limit=2)] == [1, 2]
    assert rows(path, limit=0) == []


@pytest.mark.parametrize(
    ("content", "line", "field", "problem"),
    [
        ('{"id": 1, "claim": "c"}\n{"id": 2,\n', 2, "", "is not JSON"),
        ('{"id": 1, "claim": NaN}\n', 1, "", "is not JSON"),
        ("[1]\n", 1, "", "is a list, not an object"),
        ('"text"\n', 1, "", "is text, not an object"),
        ('{"claim": "c"}\n', 1, "id", "is missing"),
        ('{"id": null, "claim": "c"}\n', 1, "id", "is null; give text or a whole number"),
        ('{"id": true, "claim": "c"}\n', 1, "id", "is true or false"),
        ('{"id": 1.5, "claim": "c"}\n', 1, "id", "is a number"),
        ('{"id": 1}\n', 1, "claim", "is missing; add text"),
        ('{"id": 1, "claim": 7}\n', 1, "claim", "is a whole number; give text"),
        ('{"id": 1, "claim": "c"}\n\n{"id": 1, "claim": "d"}\n', 3, "id", "same key as in line 1"),
    ],
)
def test_what_is_wrong_is_said_by_line_and_field(
    tmp_path: Path, content: str, line: int, field: str, problem: str
) -> None:
    with pytest.raises(InputError, match=problem) as caught:
        rows(file(tmp_path, content), key="id", required={"claim": str})
    assert (caught.value.line, caught.value.field) == (line, field)
    assert caught.value.file.endswith("items.jsonl")
    assert caught.value.mend


def test_bytes_that_are_not_utf8(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="UTF-8") as caught:
        rows(file(tmp_path, b'{"id": "a"}\n{"id": "\xe4"}\n'))
    assert caught.value.line == 2


def test_utf16_is_not_taken_for_json(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"items\.jsonl:1: "):
        rows(file(tmp_path, '{"id": 1}\n'.encode("utf-16")))


@pytest.mark.parametrize("content", ["", "\n \n"])
def test_an_empty_file(tmp_path: Path, content: str) -> None:
    with pytest.raises(InputError, match="holds no lines"):
        rows(file(tmp_path, content))


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        rows(tmp_path / "nothing")
    with pytest.raises(InputError, match="is a directory"):
        rows(tmp_path)


def test_numbers_of_both_kinds(tmp_path: Path) -> None:
    path = file(tmp_path, '{"x": 1}\n{"x": 1.5}\n')
    assert len(rows(path, required={"x": float})) == 2
    assert len(rows(path, required={"x": (int, float)})) == 2
    with pytest.raises(InputError, match="give a whole number"):
        rows(path, required={"x": int})


def test_many_lines_take_little_memory(tmp_path: Path) -> None:
    count = 50_000
    path = tmp_path / "many.jsonl"
    with path.open("w") as out:
        out.writelines(
            json.dumps({"id": f"item number {n}", "x": "y" * 50}) + "\n" for n in range(count)
        )
    tracemalloc.start()
    assert sum(1 for _ in read_jsonl(path, key="id")) == count
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 150 * count  # the file has 90 bytes per line, and a set of its keys takes as much
