from __future__ import annotations

import pytest

from pcm.errors import InputError
from pcm.runfile.document import Document, written

TEXT = """\
name: fever
outputs:
  - jsonl: a.jsonl
  - parquet: b.parquet
context:
  arguments: {model: tiny}
"""


def test_every_path_has_its_line() -> None:
    document = Document(TEXT, "run.yaml")
    assert document.value["outputs"][1] == {"parquet": "b.parquet"}
    assert document.line(("name",)) == 1
    assert document.line(("outputs", 1, "parquet")) == 4
    assert document.line(("context", "arguments", "model")) == 6
    assert document.line(("context", "arguments", "absent")) == 6, "the innermost part that exists"
    assert document.line(("absent",)) == 1


def test_anchors_and_merges_are_expanded() -> None:
    document = Document("a: &a {x: 1}\nb:\n  <<: *a\n  y: 2\n", "run.yaml")
    assert document.value["b"] == {"x": 1, "y": 2}


@pytest.mark.parametrize(
    ("text", "line", "field", "problem"),
    [
        ("a: 1\nb: [1, 2\n", 3, "", "not YAML"),
        ("a: 1\n\tb: 2\n", 2, "", "not YAML"),
        ("", 0, "", "is empty"),
        ("- a\n- b\n", 0, "", "must be a mapping"),
        ("a: 1\nb:\n  c: 1\n  c: 2\n", 4, "b.c", "is given twice, first on line 3"),
        ("a: &a\n  b: *a\n", 1, "a.b", "contains itself"),
        ("a: !!python/object:os.system 1\n", 1, "", "not YAML"),
        ("a: \x00\n", 0, "", "not YAML"),
    ],
)
def test_what_is_no_run_file(text: str, line: int, field: str, problem: str) -> None:
    with pytest.raises(InputError) as caught:
        Document(text, "run.yaml")
    error = caught.value
    assert (error.file, error.line, error.field) == ("run.yaml", line, field)
    assert problem in error.problem


def test_paths_are_written_as_readers_write_them() -> None:
    assert written(("outputs", 0, "jsonl")) == "outputs[0].jsonl"
