"""Two hundred workers that join within seconds, on one machine."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
import pytest

import pcm
from tests.cluster.needs import needs_taskvine
from tests.manager.disturbing import assert_exact
from tests.manager.workloads import salt, verdict

pytestmark = [pytest.mark.cluster, needs_taskvine]

WORKERS = 200
ITEMS = 5 * WORKERS
MEMORY_BYTES_EACH = 60 << 20
"""Of a worker without a model: launcher, vine_worker, its transfer server, host, template, replica.
Measured: 43 MB."""
DEADLINE_SECONDS = 180.0


@pcm.task
def wait_for_all(salt: int, items: Sequence[int], folder: str) -> Iterator[dict[str, object]]:
    """Show that this worker is here, and go on when everybody is."""
    (Path(folder) / os.environ["PCM_WORKER"]).touch()
    while not (Path(folder) / "go").exists():
        time.sleep(0.25)
    for item in items:
        yield verdict(item, salt)


@pytest.mark.timeout(2 * DEADLINE_SECONDS)
@pytest.mark.skipif(
    psutil.virtual_memory().available < WORKERS * MEMORY_BYTES_EACH,
    reason=f"{WORKERS} workers need {WORKERS * MEMORY_BYTES_EACH >> 30} GiB of free memory",
)
def test_many_workers_join_at_the_same_time(tmp_path: Path) -> None:
    """All of them work at the same time, each on an item."""
    folder = tmp_path / "present"
    folder.mkdir()
    deadline = time.monotonic() + DEADLINE_SECONDS
    with pcm.Manager(engine="taskvine", workers=WORKERS) as manager:
        run = manager.map(
            wait_for_all.bind(folder=str(folder)),
            range(ITEMS),
            context=salt(),
            directory=tmp_path / "run",
            batch=1,
        )
        while len(os.listdir(folder)) < WORKERS:
            assert time.monotonic() < deadline, f"{len(os.listdir(folder))} are here"
            time.sleep(0.25)
        (folder / "go").touch()
        run.wait(timeout=DEADLINE_SECONDS)
    assert_exact(run, ITEMS)
    assert len({row.worker for row in run}) == WORKERS
