"""What was found out about a model is there for the next replica, and never in the way."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.inference import tiny_models
from tests.inference.conftest import resident
from workers.inference import memo
from workers.inference.memo import Memo, memo_of
from workers.inference.memory import sizes

pytestmark = pytest.mark.models


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "models" / "one.json"


def test_it_remembers(file: Path) -> None:
    Memo(file).write_pass_tokens(64)
    Memo(file).write_rungs(64, (32,))
    Memo(file).write_rungs(256, ())
    assert Memo(file).takes_cascades() is None
    Memo(file).write_takes_cascades(False)
    found = Memo(file)
    assert found.takes_cascades() is False
    assert found.pass_tokens() == 64
    assert (found.rungs(64), found.rungs(256), found.rungs(128)) == ((32,), (), None)
    found.write_rungs(64, (48,), "slots")
    assert (found.rungs(64), found.rungs(64, "slots")) == ((32,), (48,))
    assert [path.name for path in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize(
    "text", ["", "[1]", "{", '{"pass_tokens": "x", "rungs": 3}', '{"rungs": {"64": "no"}}']
)
def test_a_file_that_makes_no_sense_is_as_good_as_none(file: Path, text: str) -> None:
    file.parent.mkdir()
    file.write_text(text)
    found = Memo(file)
    assert (found.pass_tokens(), found.rungs(64)) == (None, None)
    found.write_rungs(64, (32,))
    assert found.rungs(64) == (32,)


def test_where_nothing_can_be_written_nothing_is_remembered(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file")
    found = Memo(tmp_path / "models" / "one.json")
    found.write_rungs(64, (32,))
    assert found.rungs(64) is None


def test_rungs_that_are_known_are_not_tried_again(file: Path) -> None:
    Memo(file).write_rungs(64, (32,))
    allowed = sizes(tiny_models.llama(), 1, pass_tokens=64, memo=Memo(file))
    allowed.prove_rungs(lambda _: pytest.fail("tried again"))
    assert allowed.packing.rungs == (32,)


def test_how_a_model_is_to_be_served_is_not_tried_again(file: Path) -> None:
    first = resident(memo=Memo(file))
    assert first.takes_cascades
    Memo(file).write_takes_cascades(False)
    assert not resident(memo=Memo(file)).takes_cascades


def test_kinds_of_machine_are_told_apart(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, file: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def known() -> bool:
        return memo_of("a/model", tiny_models.llama()).rungs(64) is not None

    memo_of("a/model", tiny_models.llama()).write_rungs(64, ())
    assert known()
    assert memo_of("a/model", tiny_models.gpt2()).rungs(64) is None
    half = tiny_models.llama().to(torch.bfloat16)
    assert memo_of("a/model", half).rungs(64) is None
    (tmp_path / "cpuinfo").write_text("processor : 0\nmodel name : Another\n")
    monkeypatch.setattr(memo, "CPUINFO", tmp_path / "cpuinfo")
    assert not known()


def test_how_many_rows_decode_together_is_tried_once(file: Path) -> None:
    for prove in (lambda _: (2, 1), lambda _: pytest.fail("tried again")):
        allowed = sizes(tiny_models.llama(), 4, pass_tokens=64, memo=Memo(file))
        assert allowed.prove_ladder(prove).rungs == (4, 2, 1)
