from __future__ import annotations

from pathlib import Path

import pytest

from pcm.errors import InputError
from pcm.identity.models import hub_commit, is_hub_id, local_path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    (tmp_path / "models" / "small").mkdir(parents=True)
    (tmp_path / "models" / "prompt.txt").write_text("p")


@pytest.mark.parametrize(
    "given", ["models/small", "./models/small/", "~/models/small", "models/prompt.txt"]
)
def test_existing_paths_become_absolute(given: str, tmp_path: Path) -> None:
    name = given.strip("./~").removesuffix("/")
    assert local_path(given, field="f") == tmp_path / name
    assert local_path(Path("models"), field="f") == tmp_path / "models"


@pytest.mark.parametrize(
    "given", ["org/model", "gpt2", "Org.1/model-7B_x", b"a/b", None, 3, {"a": 1}]
)
def test_what_is_no_path_is_left_alone(given: object) -> None:
    assert local_path(given, field="f") is None


@pytest.mark.parametrize(
    "given",
    ["/no/where", "./small", "~/small", "models/smal", "a/b/c", "with space", Path("x")],
)
def test_a_path_that_is_not_there_is_refused(given: object) -> None:
    with pytest.raises(
        InputError, match=r"argument 'model': there is no file or directory .*; giv"
    ):
        local_path(given, field="argument 'model'")


@pytest.mark.parametrize("given", ["", "a\0b"])
def test_what_cannot_be_a_path_is_refused(given: object) -> None:
    with pytest.raises(InputError, match="is not a path"):
        local_path(given, field="f")


def test_a_cached_hub_model_beside_a_folder_of_the_organisations_name(tmp_path: Path) -> None:
    (tmp_path / "hub" / "models--models--smal").mkdir(parents=True)
    assert local_path("models/smal", field="f") is None


def test_commits_are_read_from_the_hubs_cache(tmp_path: Path) -> None:
    refs = tmp_path / "hub" / "models--org--model" / "refs"
    refs.mkdir(parents=True)
    (refs / "main").write_text(f"{COMMIT}\n")
    (refs / "broken").write_text("nonsense")
    assert hub_commit("org/model", "main") == COMMIT
    assert hub_commit("org/model", "broken") is None
    assert hub_commit("org/model", "v2") is None
    assert hub_commit("org/other", "main") is None
    assert hub_commit("org/other", COMMIT) == COMMIT


def test_the_hubs_environment_variables_are_honoured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_HUB_CACHE")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    refs = tmp_path / "home" / "hub" / "models--m" / "refs"
    refs.mkdir(parents=True)
    (refs / "main").write_text(COMMIT)
    assert hub_commit("m", "main") == COMMIT


def test_forms_of_hub_ids() -> None:
    assert is_hub_id("a/b")
    assert not any(is_hub_id(text) for text in ("", "a/b/c", "/a", "a/", "a b", "a" * 97))
