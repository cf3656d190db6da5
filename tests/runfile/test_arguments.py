from __future__ import annotations

from pathlib import Path

import pytest

from pcm.errors import InputError
from pcm.runfile.arguments import resolved
from pcm.runfile.document import Document


def arguments(text: str, base: Path) -> dict[str, object]:
    document = Document(text, str(base / "run.yaml"))
    return resolved(document.value["arguments"], ("arguments",), document, base)


def test_files_paths_and_values(tmp_path: Path) -> None:
    (tmp_path / "prompt.txt").write_text("Is it true? {claim}\n")
    (tmp_path / "model").mkdir()
    text = """\
arguments:
  prompt: {file: prompt.txt}
  model: {path: model}
  same: ./model
  hub: org/model
  raw: {value: {file: prompt.txt}}
  labels: [a, b]
  depth: {file: prompt.txt, more: 1}
"""
    assert arguments(text, tmp_path) == {
        "prompt": "Is it true? {claim}",
        "model": str(tmp_path / "model"),
        "same": str(tmp_path / "model"),
        "hub": "org/model",
        "raw": {"file": "prompt.txt"},
        "labels": ["a", "b"],
        "depth": {"file": "prompt.txt", "more": 1},
    }


@pytest.mark.parametrize(
    ("line", "field", "words"),
    [
        ("a: {file: absent.txt}", "arguments.a.file", "there is no "),
        ("a: {path: absent}", "arguments.a.path", "relative paths start at the run file"),
        ("a: ./absent", "arguments.a", "there is no "),
        ("a: {file: 3}", "arguments.a.file", "must be a path"),
        ("a: {file: .}", "arguments.a.file", "cannot be read"),
        ("a: 2026-01-01", "arguments.a", "is a date; put it in quotes"),
        ("a: [1, {b: 2026-01-01}]", "arguments.a[1].b", "is a date"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, line: str, field: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        arguments(f"arguments:\n  {line}\n", tmp_path)
    assert (caught.value.line, caught.value.field) == (2, field)
    assert words in str(caught.value)
