"""Files that are used where they are: under the manager's path, or in the hub cache."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.workers.staging.files import MODIFIED_NS, staged, tree
from workers.protocol import Tree
from workers.staging import existing
from workers.staging.errors import Stopped

CONTENTS = {"config.json": b"{}", "sub/weights": b"weights"}
COMMIT = "c" * 40


def never() -> bool:
    return False


def laid_out(folder: Path, modified_ns: int = MODIFIED_NS) -> Path:
    for name, content in CONTENTS.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, ns=(modified_ns, modified_ns))
    return folder


def test_files_of_the_same_size_and_time_are_the_same(tmp_path: Path) -> None:
    laid_out(tmp_path)
    found = existing.same_path(tree(CONTENTS, path=str(tmp_path)), lambda: pytest.fail("hashed"))
    assert found == {name: str(tmp_path / name) for name in CONTENTS}


def test_files_of_another_time_are_compared_by_content(tmp_path: Path) -> None:
    laid_out(tmp_path, modified_ns=1)
    one = tree(CONTENTS, path=str(tmp_path))
    assert set(existing.same_path(one, never)) == set(CONTENTS)
    (tmp_path / "sub/weights").write_bytes(b"?eights")
    assert set(existing.same_path(one, never)) == {"config.json"}
    with pytest.raises(Stopped):
        existing.same_path(one, lambda: True)


def test_files_of_another_size_or_none_are_not_the_same(tmp_path: Path) -> None:
    one = tree(CONTENTS, path=str(tmp_path))
    assert existing.same_path(one, never) == {}
    laid_out(tmp_path)
    (tmp_path / "sub/weights").write_bytes(b"more weights")
    (tmp_path / "config.json").unlink()
    assert existing.same_path(one, never) == {}


def test_a_directory_with_more_in_it_is_another(tmp_path: Path) -> None:
    laid_out(tmp_path)
    one = tree(CONTENTS, path=str(tmp_path))
    (tmp_path / ".hidden").touch()
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "x.pyc").touch()
    (tmp_path / "round").symlink_to(".")
    assert len(existing.same_path(one, never)) == 2
    (tmp_path / "adapter_config.json").touch()
    assert existing.same_path(one, never) == {}


def test_a_single_file_is_looked_for_by_itself(tmp_path: Path) -> None:
    laid_out(tmp_path)
    one = Tree(0, str(tmp_path / "config.json"), (staged(b"{}", "config.json"),), is_file=True)
    assert existing.same_path(one, never) == {"config.json": str(tmp_path / "config.json")}


def test_a_directory_of_that_name_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "config.json").mkdir()
    one = Tree(0, str(tmp_path / "config.json"), (staged(b"{}", "config.json"),), is_file=True)
    assert existing.same_path(one, never) == {}


# -- the hub cache -------------------------------------------------------------------------------


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    return tmp_path / "models--org--name"


def hub_tree(**fields: Any) -> Tree:
    return msgspec.structs.replace(tree(CONTENTS, hub="org/name", commit=COMMIT), **fields)


def test_a_snapshot_with_all_files_is_found(hub: Path) -> None:
    assert existing.hub_snapshot(hub_tree()) is None
    snapshot = laid_out(hub / "snapshots" / COMMIT, modified_ns=1)
    (snapshot / "more").touch()
    assert existing.hub_snapshot(hub_tree()) == snapshot
    assert existing.hub_snapshot(hub_tree(commit="d" * 40)) is None
    assert existing.hub_snapshot(hub_tree(hub="")) is None
    (snapshot / "config.json").unlink()
    (snapshot / "config.json").symlink_to("../../blobs/being-downloaded")
    assert existing.hub_snapshot(hub_tree()) is None
    (snapshot / "config.json").unlink()
    (snapshot / "config.json").write_bytes(b"cut off")
    assert existing.hub_snapshot(hub_tree()) is None


def test_whether_a_name_stands_for_the_commit(hub: Path) -> None:
    assert not existing.is_referred_to(hub_tree())
    (hub / "refs" / "pr").mkdir(parents=True)
    (hub / "refs" / "main").write_text("d" * 40)
    assert not existing.is_referred_to(hub_tree())
    (hub / "refs" / "pr" / "1").write_text(COMMIT)
    assert existing.is_referred_to(hub_tree())
