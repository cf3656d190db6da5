"""The views that are made of a chronicle: right for any moment, and valid as JSON."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from pcm.chronicle import Chronicle
from pcm.core.commands import Evict, Load, Score
from pcm.core.events import (
    BatchDone,
    BatchLost,
    Capacity,
    ItemsDone,
    ReplicaFailed,
    RunOpened,
    SkewChanged,
    WorkerJoined,
    WorkerLeft,
)
from pcm.dashboard import answers, views
from pcm.dashboard.answers.timeline import natural
from pcm.journal import LoggedEvent
from tests.report.logs import BEGIN, STARTED, Told, added, dispatch, logged, warm

WHY = (Score("w1", 0.0, 1.0, 4.0, 0.5), Score("w2", 1.0, 0.0, 6.0))


def machine(worker: str, kind: str = "a10") -> WorkerJoined:
    return WorkerJoined(worker, Capacity(kind, 1, 24, 64, 8, f"node-{worker}", "glideins", "rack"))


LOG: list[Told] = [
    (0, STARTED),
    (0, RunOpened("run-1.1", "c", "verifier", "verify")),
    (0, added(40)),
    (1, machine("w1")),
    (1, machine("w2")),
    (1, machine("w10", "t4")),
    (1, Load("w1", "c", 1)),
    (1, Load("w2", "c", 1)),
    (1, Load("w10", "c", 1)),
    (5, warm("w1")),
    (6, warm("w2")),
    (7, ReplicaFailed("w10", "c", "loader_error", "MemoryError")),
    (7, msgspec.structs.replace(dispatch(1, ((0, 8),), "w1"), why=WHY)),
    (7, dispatch(2, ((8, 16),), "w2")),
    (11, ItemsDone(1, tuple(range(8)))),
    (11, BatchDone(1, 4.0)),
    (12, dispatch(3, ((16, 20),), "w1")),
    (15, ItemsDone(2, (0, 1))),
    (16, SkewChanged("w2", 1.2, 2.0)),
    (17, BatchLost(2, "deadline")),
    (18, dispatch(4, ((10, 16),), "w1")),
    (19, Evict("w2", "c", 1)),
    (20, Load("w2", "c", 1)),
    (24, warm("w2")),
    (30, WorkerLeft("w2", "evicted", "by its owner")),
    (31, dispatch(5, ((20, 21),), "w1")),
]


@pytest.fixture(scope="module")
def chronicle() -> Chronicle:
    chronicle = Chronicle()
    for entry in logged(LOG):
        chronicle.take(entry)
    return chronicle


def head(chronicle: Chronicle, at: float) -> views.RunHead:
    counts = chronicle.counts(at)
    return views.RunHead(
        run="run-1",
        name="run",
        task="verify",
        directory="/run",
        state=chronicle.state(at),
        began_at=chronicle.began_at,
        last_at=chronicle.last_at,
        items=counts.items,
        finished=counts.finished,
        failed=counts.failed,
        can_act=False,
    )


@pytest.mark.parametrize("at", [0, 1, 5, 9, 16, 25, 31, 40])
def test_every_answer_is_what_its_view_says(chronicle: Chronicle, at: float) -> None:
    at += BEGIN
    found: list[tuple[Any, Any]] = [
        (views.Overview, answers.overview(chronicle, head(chronicle, at), at)),
        (views.Curves, answers.curves(chronicle, at, 20)),
        (views.WorkersPage, answers.workers(chronicle, at)),
        (views.Timeline, answers.timeline(chronicle, None, None, 30, 0, 10, "joined", at)),
        (list[views.ContextRow], answers.contexts(chronicle, at)),
        (list[views.FindingRow], answers.findings(chronicle, at)),
        (list[views.GlideinRow], answers.glideins(chronicle, at)),
    ]
    for kind, answer in found:
        text = msgspec.json.encode(answer)
        assert b"NaN" not in text
        assert msgspec.json.decode(text, type=kind) == answer


def test_a_worker_with_all_that_is_known_of_it(chronicle: Chronicle) -> None:
    page = answers.workers(chronicle, BEGIN + 11.5)
    assert [row.worker for row in page.rows] == ["w1", "w2", "w10"]
    one, two, three = page.rows
    assert (one.state, two.state, three.state) == ("warm", "working", "idle")
    assert (one.kind, one.host, one.zone, one.pool) == ("a10", "node-w1", "rack", "glideins")
    assert (one.items, one.items_per_second, one.relative_speed) == (8, 2.0, 1.0)
    assert (one.batch, two.batch) == (None, 2)
    assert one.placement is not None
    assert (one.placement.batch, one.placement.items) == (1, 8)
    assert [term["worker"] for term in one.placement.terms] == ["w1", "w2"]
    assert one.placement.terms[0]["total"] == 5.5
    (held,) = one.held
    assert (held.name, held.tier, held.status, held.since) == ("verifier", "gpu", "warm", BEGIN + 5)
    assert three.held == []


def test_what_became_of_one_that_was_taken(chronicle: Chronicle) -> None:
    (row,) = answers.workers(chronicle, BEGIN + 31, search="NODE-w2").rows
    assert (row.state, row.left_at, row.left) == ("gone", BEGIN + 30, "evicted: by its owner")
    assert (row.lost_batches, row.skew, row.held) == (1, 1.0, [])
    (row,) = answers.workers(chronicle, BEGIN + 16, search="w2").rows
    assert (row.state, row.left_at, row.left, row.skew) == ("working", None, "", 2.0)


@pytest.mark.parametrize(
    ("sort", "descending", "expected"),
    [
        ("worker", True, ["w10", "w2", "w1"]),
        ("items", True, ["w1", "w2", "w10"]),
        ("kind", True, ["w10", "w1", "w2"]),
        ("items_per_second", False, ["w2", "w1", "w10"]),
        ("skew", True, ["w2", "w1", "w10"]),
        ("unknown", False, ["w1", "w2", "w10"]),
    ],
)
def test_workers_in_any_order(
    chronicle: Chronicle, sort: str, descending: bool, expected: list[str]
) -> None:
    page = answers.workers(chronicle, BEGIN + 17, sort=sort, descending=descending)
    assert [row.worker for row in page.rows] == expected
    some = answers.workers(chronicle, BEGIN + 17, sort, descending, offset=1, limit=1)
    assert (some.total, [row.worker for row in some.rows]) == (3, expected[1:2])


def test_workers_of_one_state(chronicle: Chronicle) -> None:
    def named(state: str) -> list[str]:
        return [row.worker for row in answers.workers(chronicle, BEGIN + 31, state=state).rows]

    assert (named("gone"), named("here"), named("idle")) == (["w2"], ["w1", "w10"], ["w10"])


def test_contexts_and_what_they_cost(chronicle: Chronicle) -> None:
    (row,) = answers.contexts(chronicle, BEGIN + 2)
    assert (row.gpu, row.loads) == (0, 0)
    (row,) = answers.contexts(chronicle, BEGIN + 25)
    assert (row.name, row.gpu, row.loads, row.reloads) == ("verifier", 2, 3, 1)
    assert (row.load_failures, row.evictions) == (1, 1)
    assert row.load_seconds_median == 4.0
    assert row.last_error == "loader error: MemoryError"
    assert [place.worker for place in row.places] == ["w1", "w2"]


def test_a_window_of_the_timeline(chronicle: Chronicle) -> None:
    at = BEGIN + 31
    found = answers.timeline(chronicle, None, None, 1000, 0, 2, "joined", at)
    assert (found.total_lanes, found.start, found.stop) == (3, BEGIN, at)
    one, two = found.lanes
    assert one.spans[0].use == "loading"
    assert (two.left, two.left_at) == ("evicted", BEGIN + 30)
    assert [span.batch for span in one.spans if span.use == "useful"][:2] == [1, 3]
    assert "lost" in {span.use for span in two.spans}
    assert found.contexts == ["verifier"]
    then = answers.timeline(chronicle, None, None, 1000, 1, 1, "worker", BEGIN + 16)
    assert [lane.worker for lane in then.lanes] == ["w2"]
    assert then.lanes[0].left_at is None
    kinds = answers.timeline(chronicle, None, None, 10, 0, 9, "kind", at).lanes
    assert [lane.kind for lane in kinds] == ["a10", "a10", "t4"]
    last = answers.timeline(chronicle, None, None, 10, 0, 9, "left", at).lanes
    assert [lane.worker for lane in last] == ["w1", "w10", "w2"]


def test_curves_end_at_the_moment(chronicle: Chronicle) -> None:
    found = answers.curves(chronicle, BEGIN + 16, 9)
    assert (found.at[0], found.at[-1]) == (BEGIN, BEGIN + 16)
    assert found.finished[-1] == 10
    assert found.workers[-1] == 3
    shares = np.array([found.useful, found.loading_share, found.lost, found.idle, found.no_work])
    assert shares.sum(axis=0)[1:] == pytest.approx(1.0)


def test_efficiency_is_none_before_anything_is_done(chronicle: Chronicle) -> None:
    assert answers.efficiency(chronicle, BEGIN + 2) is None
    found = answers.efficiency(chronicle, BEGIN + 20)
    assert found is not None
    assert 0.0 < found <= 1.0


def test_an_entry_whatever_its_body_is() -> None:
    row = answers.event(LoggedEvent(3, BEGIN, "BatchDone", b'{"batch": 7, "run_seconds": 1.0}'))
    assert (row.seq, row.batch, row.worker) == (3, 7, "")
    assert "7" in row.text
    for body in (b"[1]", b"{", b"\xff", b'{"worker": 3, "batch": "x"}'):
        row = answers.event(LoggedEvent(3, BEGIN, "WorkerLeft", body))
        assert (row.worker, row.batch) == ("", None)


def test_names_with_numbers_in_their_order() -> None:
    names = ["w10", "w2", "", "7", "a", "w2-10", "w2-9"]
    assert sorted(names, key=natural) == ["", "7", "a", "w2", "w10", "w2-9", "w2-10"]
