from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pcm.errors import InputError
from pcm.runfile import parse
from pcm.runfile.engine import engine_of

RUN = """\
task: task.py:task
context: {factory: task.py:context}
items: {file: items.jsonl}
"""


def found(text: str, base: Path, **given: Any) -> tuple[str, dict[str, Any]]:
    run_file, document = parse(RUN + text, str(base / "run.yaml"))
    told = {"engine": None, "options": {}, "workers": None} | given
    return engine_of(run_file, document, base, **told)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text("open sesame")
    return tmp_path


TASKVINE = "engine: taskvine\nengine_options:\n  listen: 9123\n  password_file: secret\n"


def test_paths_start_at_the_file(base: Path) -> None:
    options = {"listen": 9123, "password_file": str(base / "secret")}
    assert found(TASKVINE, base) == ("taskvine", options)
    _, options = found("engine: taskvine\nengine_options: {ssl: [key, ../cert]}\n", base)
    assert options == {"ssl": [str(base / "key"), str(base.parent / "cert")]}


def test_what_is_given_goes_before_the_file(base: Path) -> None:
    _, options = found(TASKVINE, base, options={"listen": 9124})
    assert options["listen"] == 9124


def test_the_files_options_go_with_the_files_engine(base: Path) -> None:
    assert found(TASKVINE, base, engine="local") == ("local", {})


def test_no_workers_here_are_enough_where_others_may_come(base: Path) -> None:
    assert found(TASKVINE + "workers: 0\n", base)[0] == "taskvine"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("engine: warp\n", "run.yaml:4: engine: no engine is called 'warp'"),
        ("workers: 0\n", "run.yaml:4: workers: is 0, and this engine takes no workers"),
        ("engine_options:\n  listen: 1\n", "run.yaml:5: engine_options.listen: the local engine"),
        (
            "engine: taskvine\nengine_options:\n  password_file: no\n",
            "run.yaml:6: engine_options.password_file: cannot be read",
        ),
        (
            "engine: taskvine\nengine_options:\n  listen: many\n",
            "run.yaml:5: engine_options: a value is of the wrong kind",
        ),
        (
            "engine_options:\n  gpus_per_worker: 0\n",
            "run.yaml:5: engine_options.gpus_per_worker: is 0; give 1 or more",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line(base: Path, text: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        found(text.replace(": no\n", ": absent\n"), base)
    assert words in str(caught.value)


def test_what_was_given_is_not_blamed_on_the_file(base: Path) -> None:
    for given in ({"engine": "warp"}, {"workers": 0}, {"options": {"listen": 1}}):
        with pytest.raises(InputError) as caught:
            found("", base, **given)
        assert "run.yaml" not in str(caught.value)
