"""What workers say is believed only where it can be true."""

from __future__ import annotations

from typing import Any

import pytest

from pcm.core.events import BatchDone, BatchLost, Capacity, ReplicaChanged, WorkerJoined
from pcm.engines.base import Delivery, Happening
from pcm.engines.reports import translate
from pcm.engines.worker import Worker
from workers.protocol import (
    BatchEnd,
    ErrorReport,
    FileState,
    Hello,
    ItemResult,
    ItemResults,
    Machine,
    ReplicaState,
)

ONE = ItemResult(0, 0.1, b"\x01")
TWO = ItemResult(1, 0.1, None, ErrorReport("ValueError", "no"))


class Known(Worker):
    def capacity(self, machine: Machine) -> Capacity:
        return Capacity(zone=machine.zone)


@pytest.fixture
def worker() -> Known:
    worker = Known("w")
    worker.leases[5] = bytearray(2)
    return worker


def told(worker: Worker, *reports: Any) -> list[Happening]:
    happened: list[Happening] = []
    for report in reports:
        translate(report, worker, happened)
    return happened


def test_results_and_the_end_of_a_batch_it_holds(worker: Known) -> None:
    assert told(worker, ItemResults(5, [ONE]), ItemResults(5, [TWO]), BatchEnd(5, "done")) == [
        Delivery("w", 5, [ONE]),
        Delivery("w", 5, [TWO]),
        BatchDone(5, 0.0),
    ]
    assert not worker.leases
    assert not worker.refusal


def test_a_batch_it_does_not_hold_is_none_of_its_business(worker: Known) -> None:
    told(worker, BatchEnd(5, "cancelled"))
    assert told(worker, ItemResults(5, [ONE]), BatchEnd(5, "done"), BatchEnd(99, "done")) == []
    assert not worker.refusal


def test_a_repeated_result_is_no_news(worker: Known) -> None:
    assert told(worker, ItemResults(5, [ONE]), ItemResults(5, [ONE, TWO]))[1:] == [
        Delivery("w", 5, [TWO])
    ]


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (ItemResult(2, 0.1, b"\x01"), "item 2 of batch 5, which has 2"),
        (ItemResult(-1, 0.1, b"\x01"), "item -1"),
        (ItemResult(0, 0.1), "without an outcome"),
        (ItemResult(0, 0.1, b"\x01", ErrorReport("E", "")), "without an outcome"),
    ],
)
def test_what_cannot_be_is_refused(worker: Known, result: ItemResult, words: str) -> None:
    assert told(worker, ItemResults(5, [result])) == []
    assert words in worker.refusal


def test_a_lost_batch_carries_its_cause(worker: Known) -> None:
    assert told(worker, BatchEnd(5, "evicted", started=False, detail="SIGTERM")) == [
        BatchLost(5, "evicted", False, "SIGTERM")
    ]


def test_a_replica_that_waits_for_files_is_on_its_way_and_has_no_process(worker: Known) -> None:
    assert told(worker, ReplicaState("c", "staging"), FileState("d" * 32, "wanted")) == [
        ReplicaChanged("w", "c", "gpu", "staging")
    ]
    assert worker.replicas == {}
    told(worker, ReplicaState("c", "loading", pid=77))
    assert worker.replicas == {"c": 77}


def test_files_that_are_there_ahead_are_not_a_loaded_context(worker: Known) -> None:
    worker.ahead.add("c")
    assert told(worker, ReplicaState("c", "staged")) == [ReplicaChanged("w", "c", "disk", "warm")]
    assert worker.replicas == {}


def test_that_they_are_there_is_no_news_once_the_context_is_to_be_loaded(worker: Known) -> None:
    assert told(worker, ReplicaState("c", "staged")) == []


def test_a_context_that_left_the_accelerator_keeps_its_process(worker: Known) -> None:
    warm = ReplicaState("c", "warm", 2.0, 500, 77, parks=True)
    parked = ReplicaState("c", "parked", 0.5, 10, 77, host_bytes=490)
    assert told(worker, warm, parked) == [
        ReplicaChanged("w", "c", "gpu", "warm", 2.0, 500, parks=True),
        ReplicaChanged("w", "c", "host", "parked", 0.5, 10, host_bytes=490),
    ]
    assert worker.replicas == {"c": 77}


@pytest.mark.parametrize(
    ("seconds", "known"),
    [(60.0, 60.0), (0.0, None), (-5.0, None), (float("inf"), None), (float("nan"), None)],
)
def test_a_worker_that_knows_when_it_will_leave(
    worker: Known, seconds: float, known: float | None
) -> None:
    machine = Machine("h", 1, 1, 1, "3.13", zone="east")
    assert told(worker, Hello("w", machine, 1, leaves_in_seconds=seconds)) == [
        WorkerJoined("w", Capacity(zone="east"), known)
    ]
