"""Names of models: given, or from their directory or hub id."""

from __future__ import annotations

from pathlib import Path

import pytest

import pcm
from apps.fact_verification.names import named_models


def test_models_are_called_by_name_directory_or_hub_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("here", "with=sign"):
        Path(name).mkdir()
    monkeypatch.chdir("here")
    given = ["big=a/model", "b/model/", "org/Llama-3.2-1B", "."]
    assert named_models(given) == {
        "big": "a/model",
        "model": "b/model/",
        "Llama-3.2-1B": "org/Llama-3.2-1B",
        "here": ".",
    }
    with pytest.raises(pcm.InputError, match="gives no name"):
        named_models(["../with=sign"])
    assert named_models(["x=../with=sign"]) == {"x": "../with=sign"}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["a/model", "b/model"], "'a/model' and 'b/model' are both called 'model'; give one"),
        (["x=a", "x=b"], "'a' and 'b' are both called 'x'"),
        (["x="], "'x=' names no model"),
        ([""], "'' names no model"),
        (["a b"], "'a b' gives no name; write NAME=DIR_OR_HUB_ID"),
        (["/"], "'/' gives no name"),
    ],
)
def test_bad_names_are_refused_with_the_mend(given: list[str], words: str) -> None:
    with pytest.raises(pcm.InputError) as caught:
        named_models(given)
    assert str(caught.value).startswith("--models: ")
    assert words in str(caught.value)
