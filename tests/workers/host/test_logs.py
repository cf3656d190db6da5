from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workers.host import user_code
from tests.workers.host.driver import DEADLINE_SECONDS, Worker, define, load, run
from workers.host import logs
from workers.protocol import BatchEnd


def test_a_log_that_is_too_large_keeps_its_newer_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "MAX_LOG_BYTES", 1000)
    path = tmp_path / "a.log"
    with path.open("ab", buffering=0) as writer:
        writer.write(b"".join(b"line %03d\n" % n for n in range(111)))
        logs.trim(str(path))
        assert path.stat().st_size == 999
        writer.write(b"line 111\n")
        logs.trim(str(path))
        writer.write(b"line 112\n")
    cut, *lines = path.read_text().splitlines()
    assert "cut off" in cut
    assert lines == [f"line {n:03d}" for n in range(57, 113)]
    assert logs.tail(str(path), limit_bytes=20) == "line 111\nline 112"


def test_a_log_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    logs.trim(str(tmp_path / "none.log"))
    assert list(tmp_path.iterdir()) == []


def chatty(_: object, items: list[int]) -> Iterator[int]:
    for item in items:
        for number in range(item):
            print(f"line {number}")
        yield item


def test_the_log_of_a_replica_that_goes_on_printing_is_bounded(tmp_path: Path) -> None:
    smaller = "import workers.host.logs as logs, workers.host.supervisor as supervisor; "
    smaller += "import workers.host.__main__ as host; "
    smaller += "logs.MAX_LOG_BYTES = 50_000; supervisor.LOGS_SECONDS = 0.02; host.main()"
    with Worker(tmp_path, program=("-c", smaller)) as worker:
        worker.send(load(user_code.constant), define(chatty), run(1, [20_000]))
        worker.wait(BatchEnd)
        (log,) = tmp_path.glob("w-constant-*.log")
        deadline = time.monotonic() + DEADLINE_SECONDS
        while log.stat().st_size > 50_000:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        # The last lines of the first batch may have been written while it was cut.
        worker.send(run(2, [2]), define(user_code.obey, "k"), run(3, ["die"], task="k"))
        end = worker.wait(BatchEnd, batch=3)
        assert end.outcome == "replica_died"
        assert end.detail.splitlines()[-2:] == ["line 0", "line 1"]
        assert "[the older part of this log was cut off]" in log.read_text()
    assert log.stat().st_size < 51_000
