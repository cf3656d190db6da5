"""Replicas of several ranks behind TaskVine."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import pcm
from tests.cluster.needs import needs_taskvine
from tests.manager.processes import gone
from tests.workers.host.meeting import meet

pytestmark = [pytest.mark.cluster, needs_taskvine]

DEADLINE_SECONDS = 60.0


@pcm.context(ranks=2)
def meeting(directory: str) -> Any:
    (Path(directory) / f"rank-{os.environ['RANK']}").write_text(str(os.getpid()))
    return meet(directory)


@pcm.task
def exchanged(meeting: Any, items: Sequence[int], directory: str) -> Iterator[list[str]]:
    """At item 5 rank 1 does not come, once."""
    waiting = Path(directory) / "waiting"
    for item in items:
        if os.environ["RANK"] == "1" and item == 5 and not waiting.exists():
            waiting.touch()
            time.sleep(1000)
        yield meeting.exchange(item)


@pytest.mark.kills
def test_a_rank_is_killed_while_the_other_waits_for_it(tmp_path: Path) -> None:
    directory = str(tmp_path)
    with pcm.Manager(engine="taskvine", workers=1) as manager:
        run = manager.map(
            exchanged.bind(directory=directory), range(20), context=meeting(directory), batch=10
        )
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not (tmp_path / "waiting").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        pids = [int((tmp_path / f"rank-{rank}").read_text()) for rank in range(2)]
        os.kill(pids[1], signal.SIGKILL)
        assert {row.key: row.value for row in run} == {n: [str(n)] * 2 for n in range(20)}
        last = [int((tmp_path / f"rank-{rank}").read_text()) for rank in range(2)]
    assert run.summary().lost_batches == 1
    assert gone([*pids, *last])
