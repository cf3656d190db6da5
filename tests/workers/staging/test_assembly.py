"""What contexts are told of their files, and what their manager is asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workers.staging.files import MODIFIED_NS, digest, tree
from tests.workers.staging.neighbour import Neighbour
from workers import carriage
from workers.protocol import FileState, Tree
from workers.staging import assembly as module
from workers.staging.assembly import Assembly, Places, Sink
from workers.staging.errors import StagingError
from workers.staging.room import RESERVE_BYTES, free_bytes
from workers.staging.store import Store

A, B = b"the weights" * 100, b"the configuration"
MODEL = {"weights": A, "config.json": B}
COMMIT = "c" * 40


class Bench:
    """An assembly, and all that it said."""

    def __init__(self, folder: Path, *, never_shared: bool = False) -> None:
        self.said: list[FileState] = []
        self.ready: dict[str, Places] = {}
        self.failed: dict[str, str] = {}
        self.cache = folder / "cache"
        self.free = free_bytes
        self._folder, self._calls = folder, 0
        sink = Sink(self.said.append, self._on_ready, self._on_failed)
        self.assembly = Assembly(self._open, sink, never_shared=never_shared)

    def _open(self) -> Store:
        return Store(str(self.cache), free=self._free)

    def _free(self, directory: str) -> int:
        return self.free(directory)

    def _on_ready(self, context: str, places: Places) -> None:
        assert context not in self.ready
        self.ready[context] = dict(places)

    def _on_failed(self, context: str, error: StagingError) -> None:
        self.failed[context] = str(error)

    def stage(self, context: str, *trees: Tree) -> list[FileState]:
        """What was said at once."""
        del self.said[:]
        self.assembly.stage(context, trees)
        return list(self.said)

    def piece(self, content: bytes, offset: int = 0, length: int = 1 << 20) -> FileState:
        call = carriage.Staging("piece", digest(content), offset)
        return self.bring(call, content[offset : offset + length])

    def fetch(self, content: bytes, brought: bytes | None = None) -> FileState:
        call = carriage.Staging("fetch", digest(content))
        return self.bring(call, content if brought is None else brought)

    def publish(self, content: bytes) -> tuple[FileState, bytes]:
        state = self.bring(carriage.Staging("publish", digest(content)))
        return state, (self.sandbox / carriage.STAGED_FILE).read_bytes()

    def bring(self, call: carriage.Staging, brought: bytes | None = None) -> FileState:
        self._calls += 1
        self.sandbox = self._folder / f"t.{self._calls}"
        self.sandbox.mkdir()
        if brought is not None:
            (self.sandbox / carriage.STAGED_FILE).write_bytes(brought)
        return self.assembly.bring(call, str(self.sandbox))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.assembly.close()


def wanted(content: bytes, have_bytes: int = 0) -> FileState:
    return FileState(digest(content), "wanted", have_bytes)


def whole(content: bytes) -> FileState:
    return FileState(digest(content), "whole")


# -- files that are brought ----------------------------------------------------------------------


def test_a_context_is_ready_when_all_its_files_are_there(bench: Bench) -> None:
    assert bench.stage("c", tree(MODEL, "model")) == [wanted(A), wanted(B)]
    assert bench.piece(A, 0, 100) == wanted(A, 100)
    assert bench.piece(A, 100) == whole(A)
    assert bench.ready == {}
    assert bench.fetch(B) == whole(B)
    place = Path(bench.ready["c"]["model"])
    assert {path.name: path.read_bytes() for path in place.iterdir()} == MODEL
    assert bench.fetch(B) == whole(B)  # Nothing more comes of it.


def test_several_arguments_share_files(bench: Bench) -> None:
    trees = (tree({"x": A, "y": A}, 0), tree({"z": A}, "more", "/no/z", is_file=True))
    assert bench.stage("c", *trees) == [wanted(A)]
    bench.piece(A)
    places = bench.ready["c"]
    assert Path(places[0], "y").read_bytes() == A
    assert Path(places["more"]).name == "z"
    assert Path(places["more"]).read_bytes() == A


def test_several_contexts_share_files(bench: Bench) -> None:
    bench.stage("c", tree(MODEL))
    bench.piece(A, 0, 100)
    assert bench.stage("d", tree({"weights": A})) == [wanted(A, 100)]
    bench.assembly.release("c")
    assert bench.piece(B).status == "damaged"
    assert bench.piece(A, 100) == whole(A)
    assert set(bench.ready) == {"d"}
    assert bench.stage("e", tree(MODEL)) == [whole(A), wanted(B)]


def test_what_one_context_gives_up_stays_for_the_other(bench: Bench) -> None:
    for context in ("c", "d"):
        bench.stage(context, tree({"weights": A}))
    bench.piece(A)
    bench.assembly.release("c")
    neighbour = Store(str(bench.cache), free=lambda _: RESERVE_BYTES)
    for stays in (True, False):
        with pytest.raises(StagingError, match="is full"):
            neighbour.make_room(1)
        assert Path(neighbour.path(digest(A))).exists() is stays
        bench.assembly.release("d")


def test_what_is_damaged_is_brought_again(bench: Bench) -> None:
    bench.stage("c", tree({"weights": A}))
    state = bench.fetch(A, A[:-1] + b"?")
    assert state == FileState(digest(A), "damaged", detail="what came of weights has another hash")
    assert bench.fetch(A, b"").status == "damaged"
    assert bench.piece(A, 0, 50) == wanted(A, 50)
    assert bench.piece(A, 0, 60) == wanted(A, 50)
    assert bench.piece(A, 50) == whole(A)
    assert "c" in bench.ready


def test_a_call_without_its_file_changes_nothing(bench: Bench) -> None:
    bench.stage("c", tree({"weights": A}))
    for kind in ("piece", "fetch"):
        state = bench.bring(carriage.Staging(kind, digest(A)))  # type: ignore[arg-type]
        assert state == FileState(digest(A), "damaged", detail="the call brought no file")
    assert bench.piece(A) == whole(A)


def test_a_call_that_no_context_needs_is_damaged(bench: Bench) -> None:
    state = bench.piece(A)
    assert (state.status, state.detail) == ("damaged", "no context needs it (any more)")
    assert not bench.cache.exists()


def test_what_was_brought_is_there_for_the_next_worker(bench: Bench, tmp_path: Path) -> None:
    bench.stage("c", tree(MODEL))
    bench.piece(A)
    bench.piece(B, 0, 5)
    bench.assembly.close()
    later = Bench(tmp_path)
    assert later.stage("c", tree(MODEL)) == [whole(A), wanted(B, 5)]
    later.assembly.close()


def test_a_file_is_published(bench: Bench) -> None:
    bench.stage("c", tree({"weights": A}))
    bench.piece(A)
    assert bench.publish(A) == (FileState(digest(A), "published"), A)
    bench.assembly.release("c")
    assert bench.publish(A) == (FileState(digest(A), "published"), A)


def test_what_cannot_be_published_leaves_an_empty_file(bench: Bench) -> None:
    """Without its output TaskVine would give the call back, and not its answer."""
    bench.stage("c", tree({"weights": A}))
    state, left = bench.publish(A)
    assert (state.status, left) == ("damaged", b"")
    assert "is not whole" in state.detail


# -- files that are there ------------------------------------------------------------------------


def laid_out(folder: Path) -> Path:
    folder.mkdir()
    for name, content in MODEL.items():
        (folder / name).write_bytes(content)
        os.utime(folder / name, ns=(MODIFIED_NS, MODIFIED_NS))
    return folder


def test_the_same_path_is_used_as_it_is(bench: Bench, tmp_path: Path) -> None:
    folder = laid_out(tmp_path / "model")
    assert bench.stage("c", tree(MODEL, path=str(folder))) == []
    assert bench.ready == {"c": {}}
    assert not bench.cache.exists()


def test_only_what_differs_is_brought(bench: Bench, tmp_path: Path) -> None:
    folder = laid_out(tmp_path / "model")
    (folder / "config.json").unlink()
    assert bench.stage("c", tree(MODEL, path=str(folder))) == [wanted(B)]
    bench.piece(B)
    place = Path(bench.ready["c"][0])
    assert (place / "weights").samefile(folder / "weights")
    assert (place / "config.json").read_bytes() == B


def test_the_managers_paths_are_not_used_if_they_are_not_to_be(tmp_path: Path) -> None:
    bench = Bench(tmp_path, never_shared=True)
    folder = laid_out(tmp_path / "model")
    assert bench.stage("c", tree(MODEL, path=str(folder))) == [wanted(A), wanted(B)]
    bench.assembly.close()


@pytest.fixture
def snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    folder = tmp_path / "hub" / "models--org--name" / "snapshots"
    folder.mkdir(parents=True)
    return laid_out(folder / COMMIT)


HUB = tree(MODEL, hub="org/name", commit=COMMIT)


def test_a_hub_model_that_the_cache_knows_by_name_stays_a_name(
    bench: Bench, snapshot: Path
) -> None:
    refs = snapshot.parents[1] / "refs"
    refs.mkdir()
    (refs / "main").write_text(COMMIT)
    assert bench.stage("c", HUB) == []
    assert bench.ready == {"c": {}}


def test_a_hub_model_whose_name_means_another_commit_becomes_a_path(
    bench: Bench, snapshot: Path
) -> None:
    assert bench.stage("c", HUB) == []
    assert bench.ready == {"c": {0: str(snapshot)}}


def test_a_hub_model_that_only_the_manager_has_becomes_its_path(
    bench: Bench, tmp_path: Path
) -> None:
    folder = laid_out(tmp_path / COMMIT)
    assert bench.stage("c", tree(MODEL, path=str(folder), hub="org/name", commit=COMMIT)) == []
    assert bench.ready == {"c": {0: str(folder)}}


def test_a_hub_model_that_nobody_has_here_is_brought(bench: Bench) -> None:
    assert bench.stage("c", HUB) == [wanted(A), wanted(B)]


def test_the_managers_own_hub_cache_is_a_path_of_the_manager(
    tmp_path: Path, snapshot: Path
) -> None:
    bench = Bench(tmp_path, never_shared=True)
    theirs = tree(MODEL, path=str(snapshot), hub="org/name", commit=COMMIT)
    assert bench.stage("c", theirs) == [wanted(A), wanted(B)]
    assert bench.stage("d", HUB) == []  # The worker has the same, elsewhere.
    bench.assembly.close()


# -- neighbours ----------------------------------------------------------------------------------


def test_what_a_neighbour_brings_is_not_asked_for(bench: Bench, tmp_path: Path) -> None:
    one = tree({"weights": A})
    brought = tmp_path / "brought"
    brought.write_bytes(A)
    with Neighbour(bench.cache, one.files[0]) as neighbour:
        assert neighbour.tell("take") == "part"
        assert bench.stage("c", one) == []
        assert bench.assembly.look_again() == module.NEIGHBOUR_SECONDS
        assert bench.piece(A).detail == "another worker of this host is bringing it"
        assert neighbour.tell(f"append 0 {brought}") == "whole"
        assert bench.assembly.look_again() is None
    assert bench.said == [whole(A)]
    assert "c" in bench.ready


@pytest.mark.kills
def test_when_the_neighbour_dies_the_rest_is_asked_for(bench: Bench, tmp_path: Path) -> None:
    one = tree({"weights": A})
    brought = tmp_path / "brought"
    brought.write_bytes(A[:70])
    with Neighbour(bench.cache, one.files[0]) as neighbour:
        neighbour.tell("take")
        neighbour.tell(f"append 0 {brought}")
        assert bench.stage("c", one) == []
        neighbour.kill()
    assert bench.assembly.look_again() is None
    assert bench.said == [wanted(A, 70)]
    assert bench.piece(A, 70) == whole(A)


def test_a_neighbour_that_does_not_go_on_is_not_waited_for_for_ever(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = tree({"weights": A})
    with Neighbour(bench.cache, one.files[0]) as neighbour:
        neighbour.tell("take")
        bench.stage("c", one)
        monkeypatch.setattr(module, "STALLED_SECONDS", 0.0)
        assert bench.assembly.look_again() is None
    assert "without progress; end that worker, or give the worker" in bench.failed["c"]


def test_a_context_that_is_given_up_waits_for_no_neighbour(bench: Bench) -> None:
    one = tree({"weights": A})
    with Neighbour(bench.cache, one.files[0]) as neighbour:
        neighbour.tell("take")
        bench.stage("c", one)
        bench.assembly.release("c")
        assert bench.assembly.look_again() is None
    assert (bench.said, bench.failed) == ([], {})


# -- what cannot be ------------------------------------------------------------------------------


def test_a_disk_that_is_too_small_is_told_before_anything_is_asked_for(bench: Bench) -> None:
    bench.free = lambda _: 100
    assert bench.stage("c", tree(MODEL)) == []
    assert "is full" in bench.failed["c"]
    assert "--cache" in bench.failed["c"]


def test_a_disk_that_fills_up_fails_all_that_wait_for_the_file(bench: Bench) -> None:
    bench.stage("c", tree(MODEL))
    bench.stage("d", tree({"weights": A}))
    bench.stage("e", tree({"config.json": B}))
    bench.free = lambda _: 100
    state = bench.piece(A)
    assert state.status == "damaged"
    assert "is full" in state.detail
    assert set(bench.failed) == {"c", "d"}
    bench.free = free_bytes
    assert bench.piece(A).detail == "no context needs it (any more)"
    assert bench.piece(B) == whole(B)
    assert set(bench.ready) == {"e"}


def test_errors_of_the_system_are_told_with_the_mend(bench: Bench) -> None:
    bench.stage("c", tree(MODEL))
    (bench.cache / "notes").rmdir()
    assert "No such file or directory" in bench.piece(A).detail
    assert bench.failed["c"].startswith("files cannot be kept in the cache: No such file")
    assert bench.failed["c"].endswith("with --cache")


def test_a_cache_that_is_refused_fails_the_contexts_that_need_it(bench: Bench) -> None:
    bench.cache.mkdir(mode=0o777)
    bench.cache.chmod(0o777)
    assert bench.stage("c", tree(MODEL)) == []
    assert "can be written by other users" in bench.failed["c"]


def test_a_tree_that_leads_out_is_refused(bench: Bench) -> None:
    assert bench.stage("c", tree({"../../x": A})) == []
    assert "leads out" in bench.failed["c"]


def test_names_that_cannot_be_laid_out_fail_when_their_files_are_there(bench: Bench) -> None:
    bench.stage("c", tree({"a": A, "a/b": B}))
    bench.piece(A)
    assert bench.piece(B) == whole(B)
    assert "cannot be laid out" in bench.failed["c"]
    assert bench.ready == {}
