from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from pcm.formats import Jsonl, write_outputs
from tests.formats.finished import Finished, bad, good
from tests.journal.runs import manifest

ABOUT = manifest()
GOOD_SOURCE = {
    "worker": "w1",
    "kind": "H200",
    "context": ABOUT.context.digest[:12],
    "attempt": 1,
    "seconds": 0.5,
}


def written(directory: Path, output: Jsonl, *rows: Any) -> list[Any]:
    write_outputs(Finished(*rows), ABOUT, directory, [output])
    path = directory / output.path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_flat_rows(tmp_path: Path) -> None:
    lines = written(tmp_path, Jsonl(), good(0, {"label": "ä"}, key=7), good(1, [1, None]), bad(2))
    assert lines == [
        {"id": 7, "label": "ä", "provenance": GOOD_SOURCE},
        {"id": "k1", "value": [1, None], "provenance": GOOD_SOURCE},
        {
            "id": "k2",
            "error": {"type": "KeyError", "message": "'x'", "traceback": "Traceback: ..."},
            "provenance": {**GOOD_SOURCE, "worker": "w2", "kind": "cpu", "attempt": 2}
            | {"seconds": 0.25},
        },
    ]
    assert list(lines[0]) == ["id", "label", "provenance"]


@pytest.mark.parametrize(
    "value", [{"provenance": "mine"}, {"id": "another", "label": "a"}, "text", None]
)
def test_nothing_of_a_value_is_hidden(tmp_path: Path, value: Any) -> None:
    (line,) = written(tmp_path, Jsonl(), good(0, value))
    assert line == {"id": "k0", "value": value, "provenance": GOOD_SOURCE}


def test_a_value_may_repeat_its_key(tmp_path: Path) -> None:
    (line,) = written(tmp_path, Jsonl(), good(0, {"id": "k0", "label": "a"}))
    assert line == {"id": "k0", "label": "a", "provenance": GOOD_SOURCE}


def test_nested_rows(tmp_path: Path) -> None:
    output = Jsonl("deep/er.jsonl", flat=False)
    ok, failed = written(tmp_path, output, good(0, {"label": "a"}), bad(1))
    assert ok == {"key": "k0", "ok": True, "value": {"label": "a"}, "provenance": GOOD_SOURCE}
    assert list(failed) == ["key", "ok", "error", "provenance"]
    assert failed["ok"] is False


def test_no_rows_give_an_empty_file(tmp_path: Path) -> None:
    assert written(tmp_path, Jsonl()) == []
