from __future__ import annotations

import io
import sys

import pytest

from pcm.manager import Progress
from pcm.watching.progress import Lines, Live, Silent, described, display


def at(finished: int, items: int = 1000, failed: int = 0) -> Progress:
    return Progress(items, finished, failed, 0, 1.0, 50.0, (items - finished) / 50, workers=2)


def test_the_figures_in_one_line() -> None:
    progress = Progress(
        12_000, 1_234, 3, 64, 100.0, 12.34, 872.0, workers=3, warm_workers=2, loading_workers=1
    )
    assert described(progress) == (
        "1,234/12,000 (10 %), 3 failed, 12.3/s, 14 min 32 s left, "
        "3 workers (2 warm, 1 loading), 64 in flight"
    )
    assert described(Progress(0, 0, 0, 0, 0.0, 0.0, None)) == "0/0 (0 %), 0 workers"
    paused = Progress(10, 4, 0, 0, 1.0, 0.0, None, paused=True)
    assert described(paused) == "4/10 (40 %), paused, 0 workers"


def test_a_line_for_every_tenth_of_the_items() -> None:
    stream = io.StringIO()
    lines = Lines(stream)
    for finished in (0, 50, 99, 100, 150, 199, 210, 1000, 1000):
        lines.update(at(finished), now_seconds=0.0)
    shown = [line.split("/")[0] for line in stream.getvalue().splitlines()]
    assert shown == ["100", "210", "1,000"]


def test_a_line_at_growing_intervals() -> None:
    stream = io.StringIO()
    lines = Lines(stream)
    shown = []
    for second in range(200):
        before = stream.tell()
        lines.update(at(1), now_seconds=float(second))
        if stream.tell() > before:
            shown.append(second)
    assert shown == [10, 25, 48, 82, 133]


def test_glideins_have_a_line_when_they_stand_otherwise() -> None:
    stream = io.StringIO()
    lines = Lines(stream)
    for finished, glideins in ((100, "one"), (150, "two"), (200, "one"), (310, "two")):
        lines.update(at(finished), 0.0, glideins)
    assert [line for line in stream.getvalue().splitlines() if "/" not in line] == ["one", "two"]


def test_the_display_fits_where_stderr_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(display(silent=True), Silent)
    assert isinstance(display(silent=False), Lines)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    shown = display(silent=False)
    assert isinstance(shown, Live)
    shown.close()


def test_the_live_display_shows_the_figures_and_ends_twice(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    live = Live()
    live.update(at(500), now_seconds=0.0)
    live.update(at(500), 0.0, "glideins: [a] 1 queued")
    live.note("stopping [now]")
    live.close()
    live.close()
    shown = capsys.readouterr().err
    assert "500/1,000 (50 %), 50.0/s, 10 s left, 2 workers" in shown
    assert "stopping [now]" in shown
    assert "glideins: [a] 1 queued" in shown
