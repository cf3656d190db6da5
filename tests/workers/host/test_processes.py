from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from workers.host.logs import head, log_path, tail
from workers.host.processes import (
    children,
    describe_death,
    describe_exit,
    has_members,
    kill_group,
    kill_members,
    search_path,
)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0, "exit code 0"),
        (3 << 8, "exit code 3"),
        (9, "killed by signal 9 (SIGKILL)"),
        (11 | 0x80, "killed by signal 11 (SIGSEGV)"),
        (50, "killed by signal 50"),
        (None, "ended, its exit status is not known"),
    ],
)
def test_the_end_of_a_process_in_words(status: int | None, words: str) -> None:
    assert describe_exit(status) == words


def test_a_death_that_we_did_not_cause() -> None:
    story = describe_death(9, 2_500_000_000, 16_000_000_000)
    words = "killed by signal 9 (SIGKILL): out of memory? its peak was 2.5 GB of 16.0 GB"
    assert story == words
    assert describe_death(11, 1, 1) == "killed by signal 11 (SIGSEGV)"
    assert describe_death(0, 1, 1) == "exit code 0"


def test_a_group_has_members_until_the_last_is_reaped() -> None:
    command = ["sh", "-c", "sleep 1000 & echo started; exec sleep 1000"]
    with subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE) as leader:
        assert leader.stdout is not None
        assert leader.stdout.readline() == b"started\n"
        assert has_members(leader.pid)
        os.kill(leader.pid, signal.SIGKILL)
        leader.wait()
        assert has_members(leader.pid)
        kill_members(leader.pid)
        # Adopted by whoever runs the tests (conftest.py).
        os.waitpid(-leader.pid, 0)
        assert not has_members(leader.pid)


def test_children_and_their_groups() -> None:
    command = ["sh", "-c", "sleep 1000 & echo started; wait"]
    with subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE) as leader:
        assert leader.stdout is not None
        assert leader.stdout.readline() == b"started\n"
        assert leader.pid in children(os.getpid())
        assert len(children(leader.pid)) == 1
        kill_group(leader.pid)
        assert leader.wait() == -signal.SIGKILL
    # The test's own leak check sees whether the rest of the group is gone.


@pytest.mark.parametrize("pid", [1, 0, -1])
def test_no_number_means_everybody(pid: int) -> None:
    kill_group(pid)


def test_a_new_python_finds_what_this_one_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "found_by_the_worker.py").write_text("there = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    paths = search_path().split(os.pathsep)
    assert str(tmp_path) in paths
    assert os.path.dirname(os.__file__) not in paths
    subprocess.run(
        [sys.executable, "-P", "-c", "import found_by_the_worker, workers.host"],
        env=os.environ | {"PYTHONPATH": search_path()},
        cwd="/",
        check=True,
    )


def test_names_of_logs_are_safe() -> None:
    assert log_path("/logs", "w-1", "../../etc", "a b/c", 3) == "/logs/w-1-.._.._etc-a_b_c-3.log"


def test_tails_are_bounded_and_begin_with_a_line(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("".join(f"line {n}\n" for n in range(1000)))
    assert tail(str(path), limit_bytes=20) == "line 998\nline 999"
    assert tail(str(path), end=14) == "line 0\nline 1"
    assert head(str(path), start=7, limit_bytes=6) == "line 1"
    assert tail(str(tmp_path / "none")) == head(str(tmp_path / "none"), start=0) == ""
