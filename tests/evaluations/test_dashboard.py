"""The evaluation of the dashboard: it runs, and the run that it looks at is as one of a manager."""

from __future__ import annotations

from pathlib import Path

from evaluations.dashboard import simulated_run
from evaluations.dashboard.plan import FULL
from evaluations.dashboard.viewers import delays_of
from pcm.journal import JournalReader
from pcm.report import account
from tests.evaluations import program


def test_it_prints_its_figures() -> None:
    printed = program.quick("dashboard", timeout_seconds=110)
    figures = printed["figures"]
    assert figures["log_entries"] > 3 * figures["batches"]
    assert {"0", "1"} < set(figures["live_run"]["by_viewers"])
    assert figures["static_files"]["gzipped_bytes"] < 300e3
    program.assert_complete(printed["targets"], 6)


def test_the_full_plan_is_that_of_the_targets() -> None:
    assert (FULL.workers, FULL.batches, FULL.viewers) == (1_000, 100_000, (0, 1, 10))


def test_a_simulated_run_has_books_as_any_other(tmp_path: Path) -> None:
    entries = simulated_run.make(tmp_path / "run", 4, 40, 2, 6.0)
    with JournalReader(tmp_path / "run") as reader:
        assert sum(1 for _ in reader.events()) == entries
        books = account(reader)
    assert books.state == "completed"
    assert books.batches >= 40
    assert books.split.useful_seconds > books.split.lost_seconds
    assert {worker.kind for worker in books.workers} == {"H100", "A10"}


def test_a_delay_is_that_of_the_first_state_that_an_event_is_in() -> None:
    logged = [(1, 10.0), (2, 10.1), (3, 10.2), (4, 10.9), (5, 11.0)]
    states = [(1, 10.05), (3, 10.5), (4, 11.0)]
    assert delays_of(states, logged) == [10.5 - 10.1, 10.5 - 10.2, 11.0 - 10.9]
