"""The files of contexts as a supervisor asks for them, in its loop."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.workers.staging.files import digest, tree
from workers import carriage
from workers.host.loop import Loop
from workers.protocol import ErrorReport, FileState
from workers.staging.assembly import Assembly
from workers.staging.stager import Stager

A = b"the weights" * 100
ONE = tree({"weights": A})
DEADLINE_SECONDS = 20.0


class Bench:
    def __init__(self, folder: Path) -> None:
        self.loop = Loop()
        self.said: list[FileState] = []
        self.told: list[tuple[str, object]] = []
        self.stager = Stager(self.loop, self.said.append, cache=str(folder / "cache"))
        self._folder, self._calls = folder, 0

    def stage(self, name: str, context: str = "c") -> None:
        """``name`` is that of the order in what is told."""

        def failed(error: ErrorReport) -> None:
            self.told.append((name, error.message))

        self.stager.stage(
            context, [ONE], lambda places: self.told.append((name, dict(places))), failed
        )

    def bring(self, content: bytes) -> list[str]:
        """Gets "done" when the call is."""
        self._calls += 1
        sandbox = self._folder / f"t.{self._calls}"
        sandbox.mkdir()
        (sandbox / carriage.STAGED_FILE).write_bytes(content)
        done: list[str] = []
        call = carriage.Staging("piece", digest(A))
        self.stager.bring(call, str(sandbox), lambda: done.append(self.said[-1].status))
        return done

    def until(self, condition: Callable[[], object]) -> None:
        while not condition():
            self.loop.turn(DEADLINE_SECONDS)

    def settle(self) -> None:
        """Until all that was submitted is done."""
        done: list[int] = []
        background = self.stager._background
        background.submit(lambda: background.post(lambda: done.append(1)))
        self.until(lambda: done)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.stager.close()
    bench.loop.close()


def test_it_asks_is_brought_and_tells(bench: Bench) -> None:
    bench.stage("first")
    bench.until(lambda: bench.said)
    assert bench.said == [FileState(digest(A), "wanted")]
    done = bench.bring(A)
    bench.until(lambda: done)
    assert done == ["whole"]
    ((name, places),) = bench.told
    assert name == "first"
    assert isinstance(places, dict)
    assert Path(places[0], "weights").read_bytes() == A


def test_what_fails_is_told(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "cache").touch()
    bench.stage("first")
    bench.until(lambda: bench.told)
    ((_, message),) = bench.told
    assert "cannot be used" in str(message)


def test_a_context_that_is_given_up_is_told_nothing(bench: Bench) -> None:
    bench.stage("first")
    bench.until(lambda: bench.said)
    bench.bring(A)
    bench.stager.release("c")
    bench.settle()
    assert bench.told == []
    bench.stager.release("c")
    bench.stager.release("unknown")


def test_each_order_is_told_its_own_end(bench: Bench) -> None:
    """A context may go and come again faster than the thread works."""
    bench.stage("first")
    bench.until(lambda: bench.said)
    bench.bring(A)
    bench.stager.release("c")
    bench.stage("second")
    bench.stage("third")
    bench.until(lambda: bench.told)
    bench.settle()
    assert [name for name, _ in bench.told] == ["third"]


def test_a_mistake_of_ours_fails_the_context_and_ends_the_call(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def mistake(*_: object) -> FileState:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(Assembly, "stage", mistake)
    monkeypatch.setattr(Assembly, "bring", mistake)
    bench.stage("first")
    done = bench.bring(A)
    bench.until(lambda: done)
    assert bench.told == [("first", "ZeroDivisionError: oh")]
    assert done == ["damaged"]
    bench.settle()
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_a_worker_without_trees_has_no_thread(bench: Bench, tmp_path: Path) -> None:
    threads = threading.active_count()
    bench.stager.release("c")
    assert threading.active_count() == threads
    assert not (tmp_path / "cache").exists()
