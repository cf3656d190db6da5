"""What a recording of telemetry shows: the monitor run over it, second by second."""

from __future__ import annotations

from itertools import groupby
from math import floor
from pathlib import Path

from pcm.report.skew import SkewStory, story_of
from pcm.telemetry.findings import Finding
from pcm.telemetry.monitor import Monitor
from pcm.telemetry.recording import read_windows


def skew_of_recording(path: Path) -> tuple[SkewStory, float]:
    """And the time at which the recording ends. Raises InputError for what is no recording."""
    monitor = Monitor()
    findings: dict[str, Finding] = {}
    scores: dict[str, float] = {}
    end = 0.0
    for second, windows in groupby(read_windows(path), key=lambda one: floor(one.end_seconds)):
        end = second + 1.0
        for window in windows:
            monitor.take(window, end)
        settled = monitor.settle(end)
        findings.update((finding.id, finding) for finding in settled.findings)
        scores.update((change.worker, change.score) for change in settled.changes)
    return story_of(list(findings.values()), scores), end
