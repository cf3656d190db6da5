"""Names as people read them, and how times, moments and shares are written."""

from __future__ import annotations

from datetime import UTC, datetime

from pcm.durations import duration

USE_WORDS = {
    "useful": "useful",
    "loading": "loading",
    "lost": "lost",
    "idle": "idle with work waiting",
    "no_work": "without work",
}

LOSS_WORDS = {
    "ramp": ("Ramp", "from a worker's joining until it first loads or is sent anything"),
    "loading": ("Loading", "beyond the one quick load per worker that the bound pays for too"),
    "idle": ("Idle with work", "nothing to do although items waited"),
    "overhead": ("Overhead", "batches on their way there and back, and handling on either side"),
    "eviction": ("Eviction", "run or loaded in vain because the worker was taken away"),
    "repeats": ("Repeats", "failed, taken back or cut off by the manager's end, or second copies"),
    "tail": ("Tail", "nothing to do while others held the last items"),
    "paused": ("Paused", "the run rested at its user's wish"),
    "let_go": ("Let go", "what workers that were let go could still have done"),
    "other": ("Other", "workers that could not run the task, or none at all"),
}


def moment(at: float) -> str:
    """Unix seconds, in UTC: ``2026-01-31 12:00:05``."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def took(seconds: float) -> str:
    """Where small differences matter: with decimals as long as they say something."""
    if seconds < 10:
        return f"{seconds:.2f} s"
    return f"{seconds:.1f} s" if seconds < 100 else duration(seconds)


def share(part: float, whole: float) -> str:
    return f"{part / whole:.1%}" if whole else "-"
