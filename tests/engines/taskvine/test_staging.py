"""Between what workers say of files and what the driver is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pcm.engines.base import FileCame
from pcm.engines.staging import distribution, planning
from pcm.engines.taskvine import staging
from pcm.engines.taskvine.messages import (
    FetchFile,
    ForgetFile,
    NotStaged,
    PublishFile,
    SendPiece,
    ToDriver,
)
from pcm.engines.taskvine.staging import Staging, StagingFigures
from pcm.engines.taskvine.worker import RemoteWorker
from workers import carriage
from workers.protocol import ErrorReport, FileState, ReplicaFault, ReplicaState, StagedFile, Tree

ONE, TWO = "1" * 32, "2" * 32
TREES = (
    Tree(0, "/models/small", (StagedFile("sub/one", 10, ONE, 111),)),
    Tree("prompts", "/texts/two", (StagedFile("two", 20, TWO, 222),), is_file=True),
)


class Scene:
    """A staging whose messages, timers and failures are seen."""

    def __init__(self) -> None:
        self.said: list[ToDriver] = []
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.failed: list[tuple[str, str, str]] = []
        self.progress: list[tuple[str, str]] = []
        self.came: list[FileCame] = []
        self.staging = Staging(
            3,
            self.said.append,
            lambda seconds, call: self.timers.append((seconds, call)),
            lambda worker, context, problem: self.failed.append((worker.name, context, problem)),
            lambda worker, context: self.progress.append((worker.name, context)),
            self.came.append,
        )

    def worker(self, name: str, trees: tuple[Tree, ...] = TREES) -> RemoteWorker:
        worker = RemoteWorker(name, "outside", None)
        self.staging.load(worker, "context", trees)
        return worker

    def says(self, worker: RemoteWorker, digest: str, status: Any, have: int = 0) -> list[ToDriver]:
        """What is told to the driver when a worker says this of a file."""
        before = len(self.said)
        self.staging.hear(worker, FileState(digest, status, have))
        return self.said[before:]


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_pieces_name_the_managers_file_as_it_was(scene: Scene) -> None:
    worker = scene.worker("w")
    assert scene.says(worker, ONE, "wanted", 4) == [
        SendPiece("w", 1, ONE, 4, "/models/small/sub/one", 10, 111)
    ]
    assert scene.says(worker, TWO, "wanted") == [SendPiece("w", 2, TWO, 0, "/texts/two", 20, 222)]
    assert scene.staging.figures == StagingFigures(pieces=2, piece_bytes=6 + 20)


def test_from_one_worker_to_the_next_until_nobody_needs_it(scene: Scene) -> None:
    one, two = scene.worker("one", TREES[:1]), scene.worker("two", TREES[:1])
    scene.says(one, ONE, "wanted")
    assert scene.says(two, ONE, "wanted") == []
    assert scene.says(one, ONE, "whole") == [PublishFile("one", 2, ONE)]
    assert scene.says(one, ONE, "published") == [FetchFile("two", 1, ONE)]
    assert scene.says(two, ONE, "whole") == []
    assert scene.staging.figures == StagingFigures(1, 10, 1, 10, 1, 0)
    assert scene.came == [
        FileCame("one", "context", "manager", 10),
        FileCame("two", "context", "worker", 10),
    ]
    scene.staging.hear(one, ReplicaState("context", "absent"))
    scene.staging.hear(two, ReplicaFault("context", "died", ErrorReport("E", "")))
    assert scene.said[-1] == ForgetFile(ONE)


def test_what_was_there_already_has_not_come(scene: Scene) -> None:
    scene.says(scene.worker("w"), ONE, "whole")
    half = scene.worker("half")
    scene.says(half, TWO, "wanted", 5)
    scene.says(half, TWO, "whole")
    assert scene.came == [FileCame("half", "context", "manager", 15)]


def test_a_worker_has_so_many_calls_and_those_beyond_wait(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carriage, "STAGING_CALLS", 1)
    worker = scene.worker("w")
    scene.says(worker, ONE, "wanted")
    assert scene.says(worker, TWO, "wanted") == []
    scene.staging.answered("w", 1)
    assert scene.said[-1] == SendPiece("w", 2, TWO, 0, "/texts/two", 20, 222)


def test_a_call_that_comes_back_is_made_again_and_given_up_in_the_end(scene: Scene) -> None:
    worker = scene.worker("w")
    scene.says(worker, ONE, "wanted")
    for call in range(1, distribution.TRIES + 1):
        assert isinstance(scene.said[-1], SendPiece)
        assert scene.said[-1].call == call
        scene.staging.not_staged(NotStaged("w", call, "forsaken"))
    ((name, context, problem),) = scene.failed
    assert (name, context) == ("w", "context")
    assert "/models/small/sub/one could not be brought" in problem
    assert "see to the worker's disk" in problem
    assert scene.staging.figures.failures == distribution.TRIES
    assert scene.says(worker, ONE, "wanted") == []


def test_a_changed_file_fails_the_context_at_once(scene: Scene) -> None:
    worker = scene.worker("w")
    scene.says(worker, ONE, "wanted")
    scene.staging.not_staged(NotStaged("w", 1, "it has changed", changed=True))
    ((_, _, problem),) = scene.failed
    assert "it has changed; put it back as it was" in problem
    assert len(scene.said) == 1


def test_late_calls_are_seen_to(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = scene.worker("one", TREES[:1]), scene.worker("two", TREES[:1])
    scene.says(one, ONE, "wanted")
    scene.says(two, ONE, "wanted")
    ((seconds, call),) = scene.timers
    assert seconds == pytest.approx(planning.PIECE_SECONDS, abs=5.0)
    monkeypatch.setattr("time.monotonic", lambda: 1e12)
    call()
    assert scene.said[-1] == SendPiece("two", 1, ONE, 0, "/models/small/sub/one", 10, 111)


def test_a_worker_that_was_told_of_no_files_is_not_heard(scene: Scene) -> None:
    worker = scene.worker("w", ())
    assert scene.says(worker, ONE, "wanted") == []
    scene.staging.left("w")
    scene.staging.not_staged(NotStaged("w", 1, "late"))


def test_progress_is_told_now_and_then(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(staging.time, "monotonic", lambda: now)
    worker = scene.worker("w")
    for _ in range(10):
        scene.says(worker, ONE, "wanted")
        now += staging.RENEW_SECONDS / 4
    assert scene.progress == [("w", "context"), ("w", "context")]


def test_files_are_brought_that_were_ordered_again_before_it_was_heard_that_they_are_gone(
    scene: Scene,
) -> None:
    worker = scene.worker("w")
    scene.says(worker, ONE, "whole")
    for _ in range(2):
        scene.staging.evict(worker, "context")
        scene.staging.load(worker, "context", TREES)
    for _ in range(2):
        scene.staging.hear(worker, ReplicaState("context", "absent"))
    assert scene.says(worker, ONE, "wanted") == [
        SendPiece("w", 1, ONE, 0, "/models/small/sub/one", 10, 111)
    ]
    scene.staging.evict(worker, "context")
    scene.staging.hear(worker, ReplicaState("context", "absent"))
    assert scene.says(worker, TWO, "wanted") == [], "nobody has ordered it again"
