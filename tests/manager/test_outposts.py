"""A manager with glideins before its engine starts: what is refused, what runs remember."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from condor import Glideins
from pcm.errors import InputError
from pcm.manager.outposts import Outposts, check_bindings

pytest.importorskip("htcondor2")
CLASS = Glideins(name="a", most=3, gpu_memory="40 GB")


@pytest.fixture
def prospects(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is asked of HTCondor, and in the place of its answer lines or an error."""
    asked: list[Any] = [[]]

    def check(classes: Sequence[Glideins]) -> list[str]:
        asked.append(classes)
        if isinstance(asked[0], Exception):
            raise asked[0]
        return list(asked[0])

    monkeypatch.setattr("condor.prospects.check", check)
    return asked


def test_without_bindings_nobody_would_come(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    check_bindings()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"glideins: need HTCondor's bindings, .*; pip install"):
        Outposts("taskvine", [CLASS], tmp_path / "home", "", {})
    assert not (tmp_path / "home").exists()


def test_what_nothing_can_come_of_leaves_nothing(prospects: list[Any], tmp_path: Path) -> None:
    prospects[0] = InputError("0 of 12 GPUs match")
    with pytest.raises(InputError, match="0 of 12"):
        Outposts("taskvine", [CLASS], tmp_path / "home", "", {})
    assert not (tmp_path / "home").exists()


def test_doubts_are_told(
    prospects: list[Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    prospects[0] = ["the pool does not answer"]
    Outposts("taskvine", [CLASS], tmp_path / "home", "", {}).close()
    assert prospects[1:] == [[CLASS]]
    assert caplog.messages == ["the pool does not answer"]
    assert {record.name for record in caplog.records} == {"pcm.glideins"}


def test_runs_remember_what_they_were_begun_with(
    prospects: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Carrier:
        made_of: Any = None

    carrier = Carrier()
    monkeypatch.setattr("pcm.manager.outposts.make_engine", lambda *_, **__: carrier)
    monkeypatch.chdir(tmp_path)
    outposts = Outposts("taskvine", [CLASS], "home", "reach.me", {"ssl": True})
    outposts.make_engine(None)
    outposts.close()
    assert carrier.made_of == {
        "engine": "taskvine",
        "engine_options": {"ssl": True},
        "glideins": [{"name": "a", "most": 3, "gpu_memory": "40 GB"}],
        "home": str(tmp_path / "home"),
        "host": "reach.me",
    }


def test_an_engine_that_cannot_be_made_gives_the_home_back(
    prospects: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise InputError("no such option")

    monkeypatch.setattr("pcm.manager.outposts.make_engine", refuse)
    for _ in range(2):
        outposts = Outposts("taskvine", [CLASS], tmp_path / "home", "", {})
        with pytest.raises(InputError, match="no such option"):
            outposts.make_engine(None)
