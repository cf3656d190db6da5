from __future__ import annotations

from pathlib import Path

import pytest

from pcm.core.commands import GiveUp, Load
from pcm.core.events import (
    BatchDone,
    BatchLost,
    ItemsDone,
    ItemsReopened,
    ReplicaChanged,
    ReplicaFailed,
    RunOpened,
    RunPaused,
    RunUnpaused,
    WorkerLeft,
)
from pcm.journal import Journal, JournalReader
from pcm.journal.parts import parts_of
from pcm.report import Split, account
from pcm.report.text import render
from tests.report.logs import (
    STARTED,
    STOPPED,
    Told,
    accounts_of,
    added,
    dispatch,
    joined,
    logged,
    warm,
    write,
)


def split(
    useful: float = 0, loading: float = 0, lost: float = 0, idle: float = 0, no_work: float = 0
) -> Split:
    parts = (useful, loading, lost, idle, no_work)
    return Split(*(pytest.approx(value, abs=1e-6) for value in parts))


def test_a_quiet_run(tmp_path: Path) -> None:
    log: list[Told] = [
        (0, STARTED),
        (0, RunOpened("run-1", "c", context_name="verifier")),
        (1, joined()),
        (1, Load("w1", "c", 1)),
        (3, ReplicaChanged("w1", "c", "disk", "loading", 2.0)),
        (6, warm()),
        (6, dispatch(1, ((0, 4),))),
        (6.5, dispatch(2, ((4, 10),))),
        (8.1, ItemsDone(1, (0, 1, 2, 3))),
        (8.1, BatchDone(1, run_seconds=2.0)),
        (11.2, ItemsDone(2, (0, 1, 2, 3, 4, 5))),
        (11.2, BatchDone(2, run_seconds=3.0, queue_seconds=1.5)),
        (12, STOPPED),
    ]
    accounts = accounts_of(tmp_path, log)
    assert accounts.seconds == pytest.approx(12.0)
    assert accounts.split == split(useful=5.0, loading=5.0, no_work=1.0)
    assert accounts.overhead_seconds_per_batch == pytest.approx(0.15)
    assert accounts.batch_sizes is not None
    assert (accounts.batch_sizes.least, accounts.batch_sizes.most) == (4, 6)
    assert (accounts.batches, accounts.lost_batches, accounts.context_loads) == (2, 0, 1)
    (worker,) = accounts.workers
    assert (worker.worker, worker.items, worker.batches, worker.host) == ("w1", 10, 2, "here")
    (context,) = accounts.contexts
    assert context.name == "verifier"
    assert context.load_seconds_median == pytest.approx(5.0)
    assert context.split == split(useful=5.0, loading=5.0)


def test_ends_that_are_heard_of_late_and_together_all_count(tmp_path: Path) -> None:
    log: list[Told] = [(0, STARTED), (0, joined()), (0, warm())]
    for batch in range(4):
        log.append((0.1, dispatch(batch, ((batch, batch + 1),))))
    for batch in range(4):
        log += [
            (9, ItemsDone(batch, (0,))),
            (9, BatchDone(batch, run_seconds=2.0, queue_seconds=2.0 * batch)),
        ]
    assert accounts_of(tmp_path, [*log, (10, STOPPED)]).split == split(useful=8.0, no_work=2.0)


def test_a_worker_that_dies_loses_what_was_not_salvaged(tmp_path: Path) -> None:
    log: list[Told] = [
        (0, STARTED),
        (0, joined()),
        (0, warm()),
        (1, dispatch(1, ((0, 4),))),
        (1, dispatch(2, ((4, 8),))),
        (3, ItemsDone(1, (0, 1))),
        (6, WorkerLeft("w1", "lost")),
        (8, STOPPED),
    ]
    accounts = accounts_of(tmp_path, log)
    assert accounts.split == split(useful=2.0, lost=3.0, no_work=1.0)
    assert accounts.lost_batches == 1  # the second had not begun
    assert accounts.workers[0].left == "lost"
    assert accounts.workers[0].items == 2


def test_batches_that_come_back(tmp_path: Path) -> None:
    log: list[Told] = [
        (0, STARTED),
        (0, joined()),
        (0, warm()),
        (1, dispatch(1, ((0, 4),))),
        (1, dispatch(2, ((4, 8),))),
        (4, BatchLost(1, "replica_died")),
        (4, BatchLost(2, "replica_died", started=False)),
        (5, STOPPED),
    ]
    accounts = accounts_of(tmp_path, log)
    assert accounts.split == split(lost=3.0, no_work=2.0)
    assert accounts.lost_batches == 1


def test_failed_items_and_duplicates_are_lost_by_their_share(tmp_path: Path) -> None:
    log: list[Told] = [
        (0, STARTED),
        (0, joined("w1")),
        (0, joined("w2")),
        (0, dispatch(1, ((0, 4),), "w1")),
        (0, dispatch(2, ((2, 4),), "w2")),
        (4, ItemsDone(1, (0, 2, 3), (1,))),
        (4, BatchDone(1, run_seconds=4.0)),
        (4, ItemsDone(2, (0, 1))),
        (4, BatchDone(2, run_seconds=4.0)),
        (4, STOPPED),
    ]
    accounts = accounts_of(tmp_path, log)
    assert accounts.workers[0].split == split(useful=3.0, lost=1.0)
    assert accounts.workers[1].split == split(lost=4.0)
    assert accounts.retries == 1


def test_retries_are_failures_that_were_not_final(tmp_path: Path) -> None:
    log: list[Told] = [
        (0, STARTED),
        (0, joined()),
        (0, dispatch(1, ((0, 2),))),
        (1, ItemsDone(1, (), (0, 1))),
        (1, BatchDone(1, run_seconds=1.0)),
        (1, dispatch(2, ((0, 2),))),
        (2, ItemsDone(2, (0,), (1,))),
        (2, BatchDone(2, run_seconds=1.0)),
        (2, GiveUp("run-1", 1, "failed", 0)),
        (2, GiveUp("run-1", 5, "quarantined", 0)),
        (2, STOPPED),
    ]
    assert accounts_of(tmp_path, log).retries == 2


def test_loading_beside_running_is_not_counted_twice(tmp_path: Path) -> None:
    log: list[Told] = [
        (0, STARTED),
        (0, joined()),
        (0, dispatch(1, ((0, 1),))),
        (1, Load("w1", "other", 1)),
        (4, ItemsDone(1, (0,))),
        (4, BatchDone(1, run_seconds=4.0)),
        (6, warm(context="other")),
        (7, STOPPED),
    ]
    accounts = accounts_of(tmp_path, log)
    assert accounts.split == split(useful=4.0, loading=2.0, no_work=1.0)
    assert {context.context: context.split for context in accounts.contexts} == {
        "c": split(useful=4.0),
        "other": split(loading=2.0),
    }


def test_files_that_come_ahead_are_no_load(tmp_path: Path) -> None:
    log: list[Told] = [
        (0, STARTED),
        (0, joined()),
        (0, dispatch(1, ((0, 1),))),
        (1, Load("w1", "other", 1, "disk")),
        (4, ItemsDone(1, (0,))),
        (4, BatchDone(1, run_seconds=4.0)),
        (5, ReplicaChanged("w1", "other", "disk", "warm")),
        (6, Load("w1", "other", 1)),
        (7, ReplicaChanged("w1", "other", "disk", "warm")),  # It has crossed with the order.
        (8, warm(context="other")),
        (8, Load("w1", "third", 1, "disk")),
        (9, ReplicaFailed("w1", "third", "loader_error", "no such file")),
        (9, STOPPED),
    ]
    accounts = accounts_of(tmp_path, log)
    assert accounts.split == split(useful=4.0, loading=2.0, no_work=3.0)
    assert (accounts.context_loads, accounts.load_failures) == (1, 0)


def test_loads_that_fail(tmp_path: Path) -> None:
    log: list[Told] = [
        (0, STARTED),
        (0, joined()),
        (1, Load("w1", "c", 1)),
        (3, ReplicaFailed("w1", "c", "loader_error", "no such file", 2.0)),
        (4, Load("w1", "c", 1)),
        (5, WorkerLeft("w1", "evicted")),
        (5, STOPPED),
    ]
    accounts = accounts_of(tmp_path, log)
    assert accounts.split == split(loading=3.0, no_work=2.0)
    assert (accounts.context_loads, accounts.load_failures) == (0, 1)


def test_a_replica_that_dies_when_warm_is_no_failed_load(tmp_path: Path) -> None:
    log: list[Told] = [
        (0, STARTED),
        (0, joined()),
        (0, warm()),
        (3, ReplicaFailed("w1", "c", "died", "killed", 0.0)),
        (5, STOPPED),
    ]
    accounts = accounts_of(tmp_path, log)
    assert accounts.split == split(no_work=5.0)
    assert accounts.load_failures == 0


def crash_and_resume() -> list[Told]:
    return [
        (0, STARTED),
        (0, joined()),
        (0, warm()),
        (0, dispatch(1, ((0, 4),))),
        (2, ItemsDone(1, (0,))),
        (1000, STARTED),
        (1001, joined()),
        (1001, dispatch(1, ((1, 4),))),
        (1004, ItemsDone(1, (0, 1, 2))),
        (1004, BatchDone(1, run_seconds=3.0)),
        (1005, STOPPED),
    ]


def test_time_between_sittings_does_not_count(tmp_path: Path) -> None:
    accounts = accounts_of(tmp_path, crash_and_resume())
    assert accounts.sittings == 2
    assert accounts.seconds == pytest.approx(7.0)
    assert accounts.split == split(useful=5.0, no_work=1.0)
    assert len(accounts.workers) == 2
    assert accounts.lost_batches == 1


def test_a_batch_that_its_copy_overtook_is_not_lost(tmp_path: Path) -> None:
    log: list[Told] = [
        (0, STARTED),
        (0, joined()),
        (0, joined("w2")),
        (0, warm()),
        (0, warm("w2")),
        (0, dispatch(1, ((0, 4),))),
        (1, dispatch(2, ((0, 4),), worker="w2")),
        (3, ItemsDone(2, (0, 1, 2, 3))),
        (3, BatchDone(2, run_seconds=2.0)),
        (4, STOPPED),
    ]
    accounts = accounts_of(tmp_path, log)
    assert accounts.lost_batches == 0
    assert accounts.split.lost_seconds == pytest.approx(4.0)


def test_the_end_of_the_last_batch_may_not_be_heard_of(tmp_path: Path) -> None:
    log: list[Told] = [
        (0, STARTED),
        (0, joined()),
        (0, dispatch(1, ((0, 2),))),
        (3, ItemsDone(1, (0, 1))),
        (4, STOPPED),
    ]
    accounts = accounts_of(tmp_path, log)
    assert accounts.split == split(useful=3.0, no_work=1.0)
    assert accounts.lost_batches == 0


def test_a_run_that_is_going_on_counts_until_now(tmp_path: Path) -> None:
    log = crash_and_resume()[:5]
    assert accounts_of(tmp_path / "a", log).seconds == pytest.approx(2.0)
    accounts = accounts_of(tmp_path / "b", log, now=5.0)
    assert accounts.seconds == pytest.approx(5.0)
    assert accounts.split.joined_seconds == pytest.approx(5.0)


def test_no_log_at_all(tmp_path: Path) -> None:
    accounts = accounts_of(tmp_path, [])
    assert accounts.seconds == 0
    assert accounts.items == 20
    assert accounts.items_per_second == 0
    assert accounts.overhead_seconds_per_batch is None


def test_a_clock_that_was_set_back(tmp_path: Path) -> None:
    log: list[Told] = [(10, STARTED), (10, joined()), (4, warm()), (12, STOPPED)]
    accounts = accounts_of(tmp_path, log)
    assert accounts.seconds == pytest.approx(2.0)
    assert accounts.split == split(no_work=2.0)


def test_time_in_which_a_run_rests_is_without_work(tmp_path: Path) -> None:
    log: list[Told] = [
        (0, STARTED),
        (0, added(10)),
        (0, joined()),
        (0, warm()),
        (1, dispatch(1, ((0, 5),))),
        (2, RunPaused("run-1")),
        (3, ItemsDone(1, (0, 1, 2, 3, 4))),
        (3, BatchDone(1, run_seconds=2.0)),
        (7, RunUnpaused("run-1")),
        (8, STOPPED),
    ]
    assert accounts_of(tmp_path, log).split == split(useful=2.0, idle=2.0, no_work=4.0)


def test_an_item_that_is_tried_again_after_all_counts_once(tmp_path: Path) -> None:
    begun: list[Told] = [
        (0, STARTED),
        (0, RunOpened("run-1", "c")),
        (0, added(2)),
        (0, joined()),
        (0, warm()),
        (0, dispatch(1, ((0, 2),))),
        (1, ItemsDone(1, (0,), failed=(1,))),
        (1, GiveUp("run-1", 1, "failed", 0)),
        (2, BatchDone(1, run_seconds=2.0)),
        (3, ItemsReopened("run-1", ((1, 2),))),
        (4, dispatch(2, ((1, 2),))),
        (6, ItemsDone(2, (0,))),
        (6, BatchDone(2, run_seconds=2.0)),
        (7, STOPPED),
    ]
    accounts = accounts_of(tmp_path / "again", begun)
    assert accounts.retries == 1
    # Of the first batch one of two results was kept; it waited from 3 to 4.
    assert accounts.split == split(useful=3.0, lost=1.0, idle=1.0, no_work=2.0)
    once = [*begun[:9], (7, STOPPED)]
    assert accounts_of(tmp_path / "once", once).retries == 0


def test_a_log_whose_beginning_is_gone_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log: list[Told] = [(n, joined(f"w{n}")) for n in range(40)]
    write(tmp_path, [])
    with Journal.open(tmp_path, events_limit=10) as journal:
        for entry in logged(log):
            journal.log([(entry.at, entry.kind, entry.body)])
    for part in parts_of(tmp_path)[:2]:
        part.path.unlink()
    with JournalReader(tmp_path) as reader:
        accounts = account(reader)
    assert accounts.dropped_events == 10
    assert len(accounts.workers) == 30
    render(accounts)
    assert "its first 10 entries are gone" in capsys.readouterr().out
