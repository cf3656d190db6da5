from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pcm.errors import InputError
from pcm.runfile import Plan, UserCodeError, prepare, read

TASK = '''\
import pcm

@pcm.context
def words(model):
    """Loads nothing."""
    return model

@pcm.task
def count(context, items, prompt, times=1):
    return [len(prompt) * times for item in items]

def plain(context, items):
    return items

def breaks(model):
    raise OSError("no such thing")
'''

RUN = """\
task: made_task.py:count
arguments:
  prompt: {file: prompt.txt}
context:
  factory: made_task.py:words
  arguments: {model: model}
items:
  file: items.jsonl
  key: id
outputs:
  - jsonl: results.jsonl
  - openai_batch: out.jsonl
    errors: errors.jsonl
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "made_task.py").write_text(TASK)
    (tmp_path / "prompt.txt").write_text("How many? ")
    (tmp_path / "items.jsonl").write_text('{"id": 1}\n{"id": 2}\n')
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.bin").write_bytes(b"1")
    (tmp_path / "run.yaml").write_text(RUN)
    path = list(sys.path)
    yield tmp_path
    sys.path[:] = path
    sys.modules.pop("made_task", None)


def plan(place: Path, old: str = "", new: str = "", **options: object) -> Plan:
    assert old in RUN
    (place / "run.yaml").write_text(RUN.replace(old, new) if old else RUN)
    return prepare(*read(place / "run.yaml"), **options)  # type: ignore[arg-type]


def test_everything_is_found_beside_the_run_file(
    place: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    found = plan(place)
    assert found.name == "run"
    assert found.task.arguments == {"prompt": "How many? "}
    assert found.context.name == "words"
    assert found.context.args == (str(place / "model"),)
    assert (found.item_count, list(found.items)) == (2, [{"id": 1}, {"id": 2}])
    assert found.directory == place / "runs" / "run"
    assert [output.paths() for output in found.outputs] == [
        ["results.jsonl"],
        ["out.jsonl", "errors.jsonl"],
    ]
    assert not (place / "runs").exists(), "nothing was started"


def test_the_command_line_overrides_the_file(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place.parent)
    options = {"engine": "local", "workers": 7, "directory": "here", "limit": 1}
    found = plan(place, "items:\n", "engine: warp\nitems:\n", **options)
    assert (found.engine, found.workers, found.item_count) == ("local", 7, 1)
    assert found.directory == place.parent / "here"


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "words"),
    [
        ("task.py:count", "task.py:cont", 1, "task", "has no 'cont'; did you mean count?"),
        ("task.py:count", "task.py:plain", 1, "task", "is no task; decorate the function with"),
        ("made_task.py:count", "absent.py:count", 1, "task", "there is no file"),
        ("  prompt: {file", "  promt: {file", 2, "arguments", "bind among prompt, times"),
        ("  prompt: {file: prompt.txt}", "  times: 2", 2, "arguments", "needs 'prompt'"),
        ("prompt.txt", "absent.txt", 3, "arguments.prompt.file", "there is no"),
        ("task.py:words", "task.py:TASK", 5, "context.factory", "has no 'TASK'"),
        ("task.py:words", "task.py:plain", 6, "context.arguments", "unexpected keyword"),
        ("task.py:words", "task.py:pcm", 5, "context.factory", "is no context"),
        ("{model: model}", "{mode: model}", 6, "context.arguments", "missing a required arg"),
        ("{model: model}", "{model: ./absent}", 6, "context.arguments.model", "there is no"),
        ("{model: model}", "{model: model/x}", 6, "context.arguments.model", "no file or dir"),
        ("items.jsonl\n", "absent.jsonl\n", 8, "items.file", "there is no file"),
        ("jsonl: results.jsonl", "jsonl: /dev/null/x", 11, "outputs[0]", "could not be written"),
        ("out.jsonl", "results.jsonl", 12, "outputs[1]", "two outputs have this path"),
        ("errors.jsonl\n", "errors.jsonl\ndirectory: items.jsonl/x\n", 14, "directory", "a file"),
        ("items:\n", "engine: warp\nitems:\n", 7, "engine", "no engine is called 'warp'; use"),
    ],
)
def test_what_cannot_be_found_or_used_is_named(
    *, place: Path, old: str, new: str, line: int, field: str, words: str
) -> None:
    with pytest.raises(InputError) as caught:
        plan(place, old, new)
    error = caught.value
    assert (error.file, error.line, error.field) == (str(place / "run.yaml"), line, field)
    assert words in str(error)


def test_a_bad_item_is_named_in_its_own_file(place: Path) -> None:
    (place / "items.jsonl").write_text('{"id": 1}\n{"id": 1}\n')
    with pytest.raises(InputError, match=r"items\.jsonl:2: id: the same key as in line 1"):
        plan(place)


def test_a_factory_that_raises_shows_its_own_traceback(place: Path) -> None:
    with pytest.raises(UserCodeError, match=r"run\.yaml:6: .*raised OSError: no such") as caught:
        plan(place, "task.py:words", "task.py:breaks")
    assert caught.value.traceback.splitlines()[1].endswith("in breaks")


def test_a_task_file_that_raises_shows_its_own_traceback(place: Path) -> None:
    (place / "made_task.py").write_text("import absent_library\n")
    with pytest.raises(UserCodeError, match=r"run\.yaml:1: task: .*absent_library") as caught:
        plan(place)
    assert "made_task.py" in caught.value.traceback


def test_glideins_come_with_their_engine_alone(place: Path) -> None:
    run = RUN + "glideins: [{name: a, most: 2}]\nhome: here\nhost: me.example.org\n"
    (place / "run.yaml").write_text(run)
    plan = prepare(*read(place / "run.yaml"))
    assert (plan.engine, [one.name for one in plan.glideins]) == ("taskvine", ["a"])
    assert (plan.home, plan.host) == (place / "here", "me.example.org")
    assert prepare(*read(place / "run.yaml"), engine="local").glideins == ()
    (place / "run.yaml").write_text(run.replace("here", "/dev/null/x"))
    with pytest.raises(InputError, match=r"run\.yaml:15: home: /dev/null is a file"):
        prepare(*read(place / "run.yaml"))
