from __future__ import annotations

import json
from pathlib import Path

import pytest

from pcm.errors import InputError
from pcm.runfile import RunFile, RunFileError, parse, read

GOOD = """\
name: fever
task: task.py:verify
arguments: {prompt: {file: prompt.txt}}
context:
  factory: pcm:language_model
  arguments: {model: ./model}
items:
  file: claims.jsonl
  key: id
engine: local
workers: 2
batch: auto
directory: runs/fever
outputs:
  - jsonl: results.jsonl
"""


def replaced(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


def test_a_good_file_is_read_as_it_stands() -> None:
    run_file, document = parse(GOOD, "run.yaml")
    assert run_file.items.key == "id"
    assert run_file.batch == "auto"
    assert run_file.failure_limit == 100
    assert document.line(("workers",)) == 11


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "words"),
    [
        ("workers: 2", "worker: 2", 11, "worker", "unknown field; did you mean workers?"),
        ("workers: 2", "zeal: 2", 11, "zeal", "known fields: name, task"),
        ("  key: id", "  kye: id", 9, "items.kye", "did you mean key?"),
        ("  - jsonl: r", "  - jsnl: r", 15, "outputs[0].jsnl", "did you mean jsonl?"),
        ("  factory:", "  factry:", 5, "context.factry", "did you mean factory?"),
        ("workers: 2", "workers: two", 11, "workers", "not 'two'"),
        ("workers: 2", 'workers: "2"', 11, "workers", "not '2'"),
        ("workers: 2", "workers: -1", 11, "workers", "greater than or equal to 0"),
        ("batch: auto", "batch: 0", 12, "batch", "auto or a whole number"),
        ("batch: auto", "batch: true", 12, "batch", "auto or a whole number"),
        ("name: fever", "name: no", 1, "name", "put it in quotes"),
        ("name: fever", "name: 2026-01-01", 1, "name", "put it in quotes"),
        ("  key: id", "  key: 7", 9, "items.key", "put it in quotes"),
        ("task: task.py:verify", "task: verify", 2, "task", "FILE.py:NAME"),
        ("task: task.py:verify", "", 1, "task", "is missing; add it"),
        ("  file: claims.jsonl", "", 7, "items.file", "is missing"),
        ("  file: claims.jsonl", "  file:", 8, "items.file", "not nothing"),
        ("  - jsonl: results.jsonl", "  - {}", 15, "outputs[0]", "exactly one of"),
        ("  - jsonl: results.jsonl", "  - {jsonl: a, parquet: b}", 15, "outputs[0]", "exactly one"),
        ("  - jsonl: r", "  - errors: e\n    jsonl: r", 15, "outputs[0]", "without openai_batch"),
        ("  arguments: {model: ./model}", "  arguments: [a]", 6, "context.arguments", "not a list"),
        ("workers: 2", "workers: 2\nworkers: 3", 12, "workers", "given twice, first on line 11"),
    ],
)
def test_a_mistake_is_named(old: str, new: str, line: int, field: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(replaced(old, new), "run.yaml")
    error = caught.value
    assert (error.file, error.line, error.field) == ("run.yaml", line, field)
    assert words in str(error)
    assert str(error).startswith(f"run.yaml:{line}: {field}: ")


def test_several_mistakes_are_all_named_in_the_order_of_their_lines() -> None:
    text = replaced("workers: 2", "workers: two").replace("name: fever", "nmae: fever")
    with pytest.raises(RunFileError) as caught:
        parse(text, "run.yaml")
    assert [problem.line for problem in caught.value.problems] == [1, 11]
    assert len(str(caught.value).splitlines()) == 2


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.yaml: cannot be read: No such file"):
        read(tmp_path / "absent.yaml")
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"name: caf\xe9\n")
    with pytest.raises(InputError, match="not text in UTF-8"):
        read(latin)


def test_the_schema_says_what_the_models_check() -> None:
    schema = RunFile.model_json_schema()
    assert schema["additionalProperties"] is False
    assert set(schema["required"]) == {"task", "context", "items"}
    assert schema["properties"]["batch"]["anyOf"][0] == {"const": "auto"}
    json.dumps(schema)
