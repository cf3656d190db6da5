from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pcm.identity.trees import trees
from workers.protocol import Tree

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    (tmp_path / "model" / "sub").mkdir(parents=True)
    (tmp_path / "model" / "config.json").write_text("{}")
    (tmp_path / "model" / "sub" / "weights.bin").write_bytes(b"w" * 300)


def load(model: Any, adapter: Any = "org/adapter", *more: Any, prompts: Any = None) -> None:
    """Never called."""


def of(
    *args: Any, hub: bool = False, loader: Callable[..., Any] = load, **kwargs: Any
) -> tuple[Tree, ...]:
    bound = inspect.signature(loader).bind(*args, **kwargs)
    return trees(bound, ("model", "adapter", "prompts"), hub=hub)


def digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def test_a_directory_with_all_that_is_below_it(tmp_path: Path) -> None:
    (tree,) = of(str(tmp_path / "model"))
    assert (tree.argument, tree.path, tree.is_file) == (0, str(tmp_path / "model"), False)
    config, weights = tree.files
    assert (config.name, config.digest) == ("config.json", digest(b"{}"))
    status = (tmp_path / "model" / "sub" / "weights.bin").stat()
    assert (weights.name, weights.size_bytes) == ("sub/weights.bin", 300)
    assert weights.modified_ns == status.st_mtime_ns


def test_a_single_file_given_by_name(tmp_path: Path) -> None:
    (tree,) = of("org/model", "a", 1, 2, 3, prompts=tmp_path / "model" / "config.json")
    assert (tree.argument, tree.is_file) == ("prompts", True)
    assert [file.name for file in tree.files] == ["config.json"]


def test_what_is_given_by_name_is_replaced_where_it_will_be_given(tmp_path: Path) -> None:
    bound = inspect.signature(load).bind(prompts=None, model=str(tmp_path / "model"))
    (tree,) = trees(bound, ("model",), hub=False)
    assert bound.args[0] == str(tmp_path / "model")
    assert tree.argument == 0


def snapshot(tmp_path: Path, *files: str) -> Path:
    folder = tmp_path / "hub" / "models--org--model"
    place = folder / "snapshots" / COMMIT
    place.mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(COMMIT)
    (folder / "refs" / "v2").write_text(COMMIT)
    for name in files:
        (place / name).write_text(name)
    return place


def test_a_hub_model_is_carried_if_it_is_here_and_that_is_asked_for(tmp_path: Path) -> None:
    place = snapshot(tmp_path, "config.json", "model.safetensors")
    assert of("org/model") == ()
    (tree,) = of("org/model", hub=True)
    assert (tree.hub, tree.commit, tree.path) == ("org/model", COMMIT, str(place))
    assert [file.name for file in tree.files] == ["config.json", "model.safetensors"]


def test_of_the_revision_that_the_loader_is_given(tmp_path: Path) -> None:
    snapshot(tmp_path, "model.safetensors")

    def revised(model: str, revision: str = "main") -> None:
        """Never called."""

    def collecting(model: str, **options: Any) -> None:
        """Never called."""

    for loader in (revised, collecting):
        assert of("org/model", hub=True, loader=loader, revision="v2")
        assert of("org/model", hub=True, loader=loader, revision="v3") == ()
        assert of("org/model", hub=True, loader=loader, revision=COMMIT)


@pytest.mark.parametrize(
    "index", [{"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}, {}, []]
)
def test_a_hub_model_that_is_not_whole_is_left_to_the_worker(tmp_path: Path, index: Any) -> None:
    place = snapshot(tmp_path, "config.json")
    assert of("org/model", hub=True) == ()
    (place / "one.safetensors").write_text("1")
    (place / "model.safetensors.index.json").write_text(json.dumps(index))
    assert of("org/model", hub=True) == ()


def test_a_hub_model_with_all_that_its_index_names(tmp_path: Path) -> None:
    place = snapshot(tmp_path, "one.safetensors", "two.safetensors")
    names = {"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}
    (place / "model.safetensors.index.json").write_text(json.dumps(names))
    (tree,) = of("org/model", hub=True)
    assert len(tree.files) == 3
