"""The evaluation of cold starts: it runs, and pcm's answers in it are those of transformers."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from evaluations.cold_start import page_cache
from evaluations.cold_start.plan import FULL, QUICK
from tests.evaluations import program


@pytest.mark.models
def test_it_prints_its_figures() -> None:
    printed = program.quick("cold-start", timeout_seconds=110)
    (kind,) = QUICK.kinds
    figures = printed["figures"]
    for way in ("up_warm_files", "up_cold_files", "new_worker_warm_files"):
        parts = {part: value["median"] for part, value in figures[way][kind].items()}
        total = parts.pop("total")
        assert all(seconds >= 0 for seconds in parts.values()), way
        assert sum(parts.values()) == pytest.approx(total), way
    program.assert_complete(printed["targets"], 3)


def test_the_full_plan_is_about_the_shape_that_it_names() -> None:
    per_layer = FULL.hidden**2 * (2 + 2 / 3) + 3 * FULL.hidden * FULL.hidden * 8 / 3
    parameters = FULL.tokens * FULL.hidden + FULL.layers * per_layer
    assert parameters == pytest.approx(135e6, rel=0.02)
    assert FULL.hidden % 64 == QUICK.hidden % 64 == 0


def test_files_are_read_and_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "weights"
    file.write_bytes(bytes(3 << 20))
    (tmp_path / "folder").mkdir()
    dropped = []

    def advise(descriptor: int, start: int, length: int, advice: int) -> None:
        dropped.append((os.fstat(descriptor).st_ino, start, length, advice))

    monkeypatch.setattr(os, "posix_fadvise", advise)
    page_cache.drop(tmp_path)
    assert dropped == [(file.stat().st_ino, 0, 0, os.POSIX_FADV_DONTNEED)]
    before = psutil.Process().io_counters().read_chars
    page_cache.read_seconds(tmp_path)
    assert psutil.Process().io_counters().read_chars - before >= 3 << 20
