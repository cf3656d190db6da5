"""A template that has imported torch, and replicas that use its threads."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from tests.workers.host import user_code
from tests.workers.host.driver import Worker, define, load, run
from workers.protocol import BatchEnd, ReplicaState

pytest.importorskip("torch")
pytestmark = pytest.mark.models


def matrix() -> tuple[Any, bool]:
    imported = "torch" in sys.modules
    import torch

    return torch.full((300, 300), 0.5), imported


def product(context: tuple[Any, bool], items: list[float]) -> list[Any]:
    """Parallel in torch: a process forked from one that has done this before would hang."""
    square = context[0] @ context[0]
    return [square[0, 0] * item for item in items]


def test_replicas_are_forked_with_torch_and_compute(worker: Worker) -> None:
    worker.send(load(matrix, context="a", imports=["torch"]), define(product))
    worker.send(load(matrix, context="b", imports=["torch"]), run(1, [1.0, 2.0], "a"))
    assert worker.wait(ReplicaState, context="a", status="warm").memory_bytes > 0
    worker.wait(BatchEnd, batch=1)
    worker.send(run(2, [3.0], "b"))
    worker.wait(BatchEnd, batch=2)
    assert worker.results(1) == {0: 75.0, 1: 150.0}
    assert worker.results(2) == {0: 225.0}


def test_twins_have_chances_of_their_own(worker: Worker) -> None:
    def chance() -> list[Any]:
        import torch

        return [torch.initial_seed(), torch.cuda.is_initialized()]

    worker.send(load(chance, context="a", imports=["torch"]), define(user_code.the_context))
    worker.send(load(chance, context="b", imports=["torch"]), run(1, [0], "a"), run(2, [0], "b"))
    worker.wait(BatchEnd)
    worker.wait(BatchEnd)
    (one, began), (other, _) = worker.results(1)[0], worker.results(2)[0]
    assert one != other
    assert not began
