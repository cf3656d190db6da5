"""A thread that works beside a loop."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from workers.host.loop import Loop
from workers.staging import background as module
from workers.staging.background import Background

DEADLINE_SECONDS = 20.0


class Bench:
    def __init__(self) -> None:
        self.loop = Loop()
        self.idle_seconds: float | None = None
        self.idled = 0
        self.background = Background(self.loop, self._idle)

    def _idle(self) -> float | None:
        self.idled += 1
        return self.idle_seconds

    def turn(self) -> None:
        self.loop.turn(DEADLINE_SECONDS)


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    assert bench.background.close()
    bench.loop.close()


def test_jobs_run_in_order_in_the_thread_and_posts_in_the_loop(bench: Bench) -> None:
    seen: list[tuple[int, bool]] = []

    def job(number: int) -> None:
        inside = threading.current_thread() is not threading.main_thread()
        bench.background.post(lambda: seen.append((number, inside)))

    for number in range(20):
        bench.background.submit(lambda number=number: job(number))  # type: ignore[misc]
    while len(seen) < 20:
        assert threading.current_thread() is threading.main_thread()
        bench.turn()
    assert seen == [(number, True) for number in range(20)]


def test_it_calls_again_when_time_has_passed(bench: Bench) -> None:
    bench.idle_seconds = 0.001
    done = threading.Event()

    def idle() -> float | None:
        bench.idled += 1
        if bench.idled == 3:
            done.set()
            return None
        return 0.001

    bench.background._idle = idle
    bench.background.submit(lambda: None)
    assert done.wait(DEADLINE_SECONDS)
    assert bench.idled == 3


def test_a_job_that_fails_is_told_and_the_next_one_runs(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[int] = []

    def fail() -> None:
        raise ValueError("a mistake")

    bench.background.submit(fail)
    bench.background.submit(lambda: bench.background.post(lambda: seen.append(1)))
    while not seen:
        bench.turn()
    assert "ValueError: a mistake" in capsys.readouterr().err


def test_without_jobs_there_is_no_thread(bench: Bench) -> None:
    before = threading.active_count()
    assert bench.background.close()
    bench.background.submit(lambda: None)
    assert threading.active_count() == before


def test_it_does_not_wait_long_for_a_job_that_does_not_end(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "CLOSE_SECONDS", 0.01)
    begun, go_on = threading.Event(), threading.Event()
    posted: list[int] = []

    def job() -> None:
        begun.set()
        go_on.wait(DEADLINE_SECONDS)
        bench.background.post(lambda: posted.append(1))

    bench.background.submit(job)
    assert begun.wait(DEADLINE_SECONDS)
    assert not bench.background.close()
    assert bench.background.closing
    go_on.set()
    monkeypatch.setattr(module, "CLOSE_SECONDS", DEADLINE_SECONDS)
    assert bench.background.close()
    assert posted == []
    assert capsys.readouterr().err == ""
