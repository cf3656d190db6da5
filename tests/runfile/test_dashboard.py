"""Where a run file has its page served."""

from __future__ import annotations

import json

import jsonschema
import pytest

from pcm.errors import InputError
from pcm.runfile import RunFile, parse
from tests.runfile.test_reading import GOOD


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("true", True),
        ("off", False),
        ("8642", 8642),
        ("127.0.0.1:8642", "127.0.0.1:8642"),
        ("null", None),
    ],
)
def test_what_it_may_be(written: str, expected: object) -> None:
    run_file, document = parse(f"{GOOD}dashboard: {written}\n", "run.yaml")
    assert run_file.dashboard == expected
    assert type(run_file.dashboard) is type(expected)
    jsonschema.validate(json.loads(json.dumps(document.value)), RunFile.model_json_schema())


@pytest.mark.parametrize("written", ["here", "99999", "-1", "[]", "host:"])
def test_what_it_may_not_be(written: str) -> None:
    with pytest.raises(InputError, match="true, false, a port or ADDRESS:PORT") as caught:
        parse(f'{GOOD}dashboard: "{written}"\n', "run.yaml")
    assert (caught.value.line, caught.value.field) == (16, "dashboard")


def test_left_out_nothing_is_said() -> None:
    assert parse(GOOD, "run.yaml")[0].dashboard is None
