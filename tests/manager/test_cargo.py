from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

import pcm
from pcm.journal import CARGO_FILE
from pcm.manager.cargo import RunCargo


@pcm.context(files=("model", "prompts"))
def loaded(model: str, scale: int = 1, prompts: str = "org/prompts") -> str:
    return model


@pcm.task
def same(context: str, items: list[Any]) -> list[Any]:
    return list(items)


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights").write_bytes(b"w" * 10)
    return folder


def test_files_of_arguments_are_named_and_kept(model: Path, tmp_path: Path) -> None:
    cargo = RunCargo.of(same, loaded(str(model)))
    (tree,) = cargo.context.trees
    assert (tree.argument, tree.path) == (0, str(model))
    assert [(file.name, file.size_bytes) for file in tree.files] == [("weights", 10)]
    cargo.save(tmp_path)
    assert RunCargo.read(tmp_path) == cargo


def test_hub_models_only_for_an_engine_that_carries_files(model: Path, tmp_path: Path) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    folder = tmp_path / "hub" / "models--org--prompts"
    (folder / "snapshots" / commit).mkdir(parents=True)
    (folder / "snapshots" / commit / "table.safetensors").touch()
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(commit)
    recipe = loaded(model=str(model))
    assert len(RunCargo.of(same, recipe).context.trees) == 1
    path, hub = RunCargo.of(same, recipe, hub_files=True).context.trees
    # An argument that was left out is given: workers can only replace what is there.
    assert (path.argument, hub.argument, hub.hub) == (0, "prompts", "org/prompts")


def test_cargo_of_earlier_versions_is_read(model: Path, tmp_path: Path) -> None:
    now = RunCargo.of(same, loaded(str(model)))
    plain = msgspec.msgpack.decode(msgspec.msgpack.encode(now))
    del plain["context"]["trees"], plain["context"]["ranks"]
    (tmp_path / CARGO_FILE).write_bytes(msgspec.msgpack.encode(plain))
    earlier = RunCargo.read(tmp_path).context
    assert (earlier.trees, earlier.ranks) == ((), 1)


def test_ranks_go_with_the_context(model: Path, tmp_path: Path) -> None:
    RunCargo.of(same, pcm.context(ranks=2)(loaded)(str(model))).save(tmp_path)
    assert RunCargo.read(tmp_path).context.ranks == 2
