"""A disk that fills up ends the run that is on it, and no other; with room again it goes on."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import pcm
from tests.manager.workloads import digest, expected, salt

ITEMS = 200


@pcm.task
def verbose(_: Any, items: Sequence[int]) -> Iterator[str]:
    for item in items:
        yield f"{item}:" + "x" * 50_000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    if not mounted(place, "size=3m"):
        pytest.skip("mounting is not allowed here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def mounted(place: Path, options: str) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def test_a_full_disk_ends_its_own_run_only(small_disk: Path, tmp_path: Path) -> None:
    with pcm.Manager(workers=1) as manager:
        run = manager.map(verbose, range(ITEMS), context=salt(), directory=small_disk / "run")
        other = manager.map(digest, range(50), context=salt(), directory=tmp_path / "other")
        with pytest.raises(pcm.JournalError, match="full"):
            run.wait(timeout=60)
        assert {row.key: row.value for row in other} == expected(50)
        kept = len(list_rows(run))
        assert kept < ITEMS
        assert mounted(small_disk, "remount,size=64m")
        resumed = manager.resume(small_disk / "run").wait(timeout=60)
    assert sorted(row.key for row in resumed) == list(range(ITEMS))


def list_rows(run: pcm.Run) -> list[pcm.Row]:
    """The rows that a failed run holds."""
    rows = iter(run)
    found: list[pcm.Row] = []
    with contextlib.suppress(pcm.PcmError):
        while True:
            found.append(next(rows))
    return found
