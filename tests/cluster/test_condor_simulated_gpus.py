"""GPUs that only HTCondor knows of: workers are of the kind that the slot's ad says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from condor.personal_pool import MACHINES, CondorPool, Machine
from tests.cluster.glidein_classes import glideins
from tests.cluster.glidein_runs import digests, manager_with
from tests.cluster.needs import needs_htcondor, needs_taskvine
from tests.manager.workloads import expected

pytestmark = [pytest.mark.cluster, needs_htcondor, needs_taskvine]

ITEMS = 400
A100_IN_SEVEN, A100_IN_TWO = 6, 5
"""Simulated MIG instances, with names as drivers give them now, and as they did before."""
WHOLE = {
    "ada": ("A100-SXM4-40GB", 47661),
    "bob": ("Tesla V100-PCIE-16GB", 24220),
    "cyd": ("TITAN RTX", 24220),
}
DIVIDED = {"dan": ("MIG 5 GB", 4861), "eve": ("MIG 20 GB", 20086)}
"""What each machine's GPUs are, and their MiB, as HTCondor simulates them."""


@pytest.fixture(scope="module")
def pool() -> Iterator[CondorPool]:
    divided = [Machine("dan", A100_IN_SEVEN, 1), Machine("eve", A100_IN_TWO, 1)]
    with CondorPool([*MACHINES, *divided]) as pool:
        yield pool


@pytest.mark.parametrize("kinds", [WHOLE, DIVIDED], ids=["whole", "divided"])
def test_models_are_kinds_of_workers(directory: Path, kinds: dict[str, tuple[str, int]]) -> None:
    classes = [
        glideins(name, most=1, least=1, requirements=f'Machine == "{name}.pool"') for name in kinds
    ]
    offers: dict[str, tuple[str, int, int]] = {}
    with manager_with(directory, *classes) as manager:
        run = digests(manager, directory, ITEMS, seconds=0.05, batch=10)
        rows = []
        for row in run:
            rows.append(row)
            for view in manager.workers():
                one = view.capacity
                offers[class_of(view.worker)] = one.kind, one.gpu_memory_bytes >> 20, one.gpus
    assert {row.key: row.value for row in rows} == expected(ITEMS)
    assert offers == {name: (*kind, 1) for name, kind in kinds.items()}
    assert all(row.kind == kinds[class_of(row.worker)][0] for row in rows)


def class_of(worker: str) -> str:
    return worker.split(".")[1]
