"""Directories of links, and names that are not let through."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.workers.staging.files import staged, tree
from workers.protocol import Tree
from workers.staging import trees
from workers.staging.errors import StagingError


def where(folder: Path, *names: str) -> dict[str, str]:
    for number, name in enumerate(names):
        (folder / str(number)).write_text(name)
    return {name: str(folder / str(number)) for number, name in enumerate(names)}


def test_files_are_found_under_their_names(tmp_path: Path) -> None:
    one = tree({"config.json": b"", "sub/deep/weights": b""})
    place = trees.place(
        str(tmp_path / "t"), one, where(tmp_path, "config.json", "sub/deep/weights")
    )
    assert Path(place, "config.json").read_text() == "config.json"
    assert Path(place, "sub/deep/weights").read_text() == "sub/deep/weights"


def test_a_single_file_has_its_own_place(tmp_path: Path) -> None:
    one = tree({"weights.gguf": b""}, path="/models/weights.gguf", is_file=True)
    place = Path(trees.place(str(tmp_path / "t"), one, where(tmp_path, "weights.gguf")))
    assert place.name == "weights.gguf"
    assert place.read_text() == "weights.gguf"


def test_the_same_tree_has_the_same_place_and_is_mended_there(tmp_path: Path) -> None:
    one, at = tree({"a": b"", "b": b""}), where(tmp_path, "a", "b")
    place = Path(trees.place(str(tmp_path / "t"), one, at))
    (place / "a").unlink()
    (place / "b").unlink()
    (place / "b").symlink_to("/elsewhere")
    (place / "written by a loader").touch()
    assert trees.place(str(tmp_path / "t"), one, at) == str(place)
    assert (place / "a").read_text() == "a"
    assert (place / "b").read_text() == "b"
    assert {path.name for path in place.iterdir()} == {"a", "b", "written by a loader"}
    other = trees.place(str(tmp_path / "t"), one, at | {"a": at["b"]})
    assert other != str(place)


def test_names_that_are_file_and_directory_are_refused(tmp_path: Path) -> None:
    for names in (("a", "a/b"), ("a/b", "a")):
        one = tree(dict.fromkeys(names, b""))
        with pytest.raises(StagingError, match="cannot be laid out"):
            trees.place(str(tmp_path / "t"), one, where(tmp_path, *names))


GOOD = tree({"a": b"", "b/..c/d": b""}, hub="org/name", commit="0" * 40)


def test_a_good_tree_is_let_through() -> None:
    trees.check(GOOD)


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "../up", "a/../../up", "..", ".", "", "a//b", "a/", "./a", "nul\0", "a/.."],
)
def test_names_that_lead_out_are_refused(name: str) -> None:
    with pytest.raises(StagingError, match="leads out"):
        trees.check(tree({name: b""}))


@pytest.mark.parametrize("digest", ["", "../../x", "0" * 31, "0" * 33, "G" * 32, "A" * 32])
def test_what_is_no_hash_is_refused(digest: str) -> None:
    file = msgspec.structs.replace(staged(b"", "a"), digest=digest)
    with pytest.raises(StagingError, match="no hash"):
        trees.check(Tree(0, "/x", (file,)))


@pytest.mark.parametrize(
    "fields", [{"size_bytes": -1}, {"modified_ns": -1}, {"modified_ns": 1 << 63}]
)
def test_sizes_and_times_that_cannot_be_are_refused(fields: dict[str, int]) -> None:
    file = msgspec.structs.replace(staged(b"", "a"), **fields)
    with pytest.raises(StagingError, match="no size or time"):
        trees.check(Tree(0, "/x", (file,)))


@pytest.mark.parametrize(
    "fields",
    [
        {"files": ()},
        {"files": (staged(b"", "a"), staged(b"x", "a"))},
        {"is_file": True},
        {"path": "relative"},
        {"path": "/nul\0"},
        {"hub": "../x"},
        {"commit": "../x"},
    ],
    ids=str,
)
def test_what_is_no_tree_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(StagingError):
        trees.check(msgspec.structs.replace(GOOD, **fields))
