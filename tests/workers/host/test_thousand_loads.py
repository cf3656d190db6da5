"""Contexts that come and go a thousand times leave nothing in the worker that lasts."""

from __future__ import annotations

import psutil
import pytest

from tests.workers.host import user_code
from tests.workers.host.driver import Worker, define, load, run
from workers.protocol import BatchEnd, DropContext, ReplicaState

LOADS = 1000
SETTLED = 100
"""By then allocators have what they keep, and logs their length."""


def sizes(worker: Worker) -> dict[str, tuple[int, int]]:
    """Memory of their own in bytes, and open descriptors, of the processes that last."""
    supervisor = psutil.Process(worker.process.pid)
    (template,) = supervisor.children()
    return {
        name: (process.memory_full_info().uss, process.num_fds())
        for name, process in (("supervisor", supervisor), ("template", template))
    }


@pytest.mark.timeout(300)
def test_a_thousand_loads_and_evictions_leave_nothing(worker: Worker) -> None:
    worker.send(define(user_code.the_context))
    settled = {}
    for number in range(LOADS):
        worker.send(load(user_code.constant, number, context=f"c{number}"))
        worker.wait(ReplicaState, status="warm")
        if number % 100 == 0:
            worker.send(run(number, [0], f"c{number}"))
            worker.wait(BatchEnd, batch=number, outcome="done")
        worker.send(DropContext(f"c{number}"))
        worker.wait(ReplicaState, status="absent")
        worker.reports.clear()
        worker.heard = 0
        if number == SETTLED:
            settled = sizes(worker)
    for name, (memory_bytes, descriptors) in sizes(worker).items():
        before_bytes, before_descriptors = settled[name]
        assert descriptors <= before_descriptors, name
        assert memory_bytes < before_bytes + (4 << 20), name
