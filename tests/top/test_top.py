from __future__ import annotations

import fcntl
import io
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from pcm.cli.app import app
from pcm.core.events import Capacity, WorkerJoined
from pcm.dashboard.feed import Feed
from pcm.dashboard.views import WorkersPage
from pcm.top.screen import SORTS, Shown, pages, room_for_workers, screen
from pcm.top.watching import Wishes
from tests.report.logs import STARTED, added, warm, write
from tests.report.simulated import write_simulated

PATIENCE_SECONDS = 60.0


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("top") / "run"
    write_simulated(directory, workers=20, items=300, name="a run of many")
    return directory


def printed(*directories: Path) -> str:
    shown = CliRunner().invoke(app, ["top", *map(str, directories)])
    assert shown.exit_code == 0, shown
    return shown.stdout


def test_where_there_is_no_terminal_it_is_printed_once(run: Path) -> None:
    text = printed(run)
    assert "a run of many  completed" in text
    assert "300 of 300 (100 %)" in text
    assert "of the best possible" in text
    assert "NVIDIA A40" in text
    assert "evicted" in text
    assert "q quit" not in text
    assert "\x1b" not in text


def test_several_runs_come_one_after_another(run: Path, tmp_path: Path) -> None:
    write_simulated(tmp_path / "other", workers=3, items=30, name="another")
    text = printed(run, tmp_path / "other")
    assert text.index("a run of many") < text.index("another")


def test_what_is_no_run_is_said(tmp_path: Path) -> None:
    shown = CliRunner().invoke(app, ["top", str(tmp_path)])
    assert shown.exit_code == 2
    assert "holds no run" in shown.stderr


def test_control_characters_do_nothing(tmp_path: Path) -> None:
    worker = WorkerJoined("\x1b]\x07\u202e", Capacity(kind="[red]\x1b[2J", host="here"))
    write(tmp_path, [(0, STARTED), (0, added(3)), (0, worker), (1, warm(worker.worker))])
    text = printed(tmp_path)
    assert "<U+001B>]<U+0007><U+202E>" in text
    assert "[red]<U+001B>[2J" in text
    assert not set("\x1b\x07\u202e") & set(text)


@pytest.mark.parametrize(("encoding", "block"), [("utf-8", "█"), ("ascii", "#")])
def test_it_fits_the_terminal(run: Path, encoding: str, block: str) -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="")
    console = Console(file=out, force_terminal=True, width=60, height=24, color_system=None)
    feed = Feed(run)
    try:
        while feed.follow(1.0):
            pass
        shown = Shown(
            runs=[feed.head()] * 3, chosen=1, overview=feed.overview(), page=0, sort="worker",
            descending=False, note="a note",
        )  # fmt: skip
    finally:
        feed.close()
    rows = room_for_workers(shown, console)
    assert 1 <= rows < 12
    empty = WorkersPage(at=0.0, total=99, rows=[])
    with console.capture() as captured:
        console.print(screen(shown, empty, console))
    lines = captured.get().splitlines()
    assert max(map(len, lines)) <= 60
    assert len(lines) + rows <= 24
    assert block in captured.get()
    assert f"page 1 of {pages(99, rows)}" in captured.get() or len(lines[-1]) == 60


def test_keys_say_what_is_shown() -> None:
    wishes = Wishes()
    wishes.take("s", 2)
    assert (wishes.sort, wishes.descending) == (SORTS[1], False)
    wishes.take("ss", 2)
    assert (wishes.sort, wishes.descending) == ("items", True)
    wishes.take("r", 2)
    assert not wishes.descending
    wishes.take("nn\x1b[6~p", 2)
    assert wishes.page == 2
    wishes.take("\t", 2)
    assert (wishes.run, wishes.page) == (1, 0)
    wishes.take("\tpzé", 2)
    assert (wishes.run, wishes.page, wishes.over) == (0, 0, False)
    wishes.take("q", 2)
    assert wishes.over


@contextmanager
def on_a_terminal(*arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], int, int]]:
    """``pcm top`` with a terminal of its own: the process, and both ends of that."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 110, 0, 0))
    command = [sys.executable, "-m", "pcm.cli", "top", *arguments]
    environment = {**os.environ, "TERM": "xterm-256color"}
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    try:
        yield process, ours, theirs
    finally:
        process.kill()
        process.wait()
        os.close(ours)
        os.close(theirs)


def read_until(terminal: int, words: bytes) -> None:
    deadline, text = time.monotonic() + PATIENCE_SECONDS, b""
    while words not in text:
        ready, _, _ = select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, text[-2000:]
        text += os.read(terminal, 65536)


def test_on_a_terminal_it_is_live_and_gives_the_terminal_back(run: Path) -> None:
    with on_a_terminal(str(run)) as (process, ours, theirs):
        before = termios.tcgetattr(theirs)
        read_until(ours, b"sort (worker)")
        assert termios.tcgetattr(theirs) != before
        os.write(ours, b"s")
        read_until(ours, b"sort (state)")
        os.write(ours, b"q")
        read_until(ours, b"\x1b[?1049l")
        assert process.wait(PATIENCE_SECONDS) == 0
        assert termios.tcgetattr(theirs) == before


def test_it_ends_in_good_order_by_an_interrupt(run: Path) -> None:
    with on_a_terminal(str(run)) as (process, ours, theirs):
        before = termios.tcgetattr(theirs)
        read_until(ours, b"sort (worker)")
        process.send_signal(2)
        read_until(ours, b"\x1b[?1049l")
        assert process.wait(PATIENCE_SECONDS) == 0
        assert termios.tcgetattr(theirs) == before
