"""What a worker sent, as a window: only signals of the catalogue, only numbers."""

from __future__ import annotations

from math import isfinite

from pcm.telemetry.signals import SIGNALS, Reading, Scope, Window
from workers.protocol import MAX_READINGS, Telemetry

LONGEST_PLACE = 64
LONGEST_SECONDS = 600.0


def window_of(worker: str, kind: str, sent: Telemetry, end_seconds: float) -> Window | None:
    """``end_seconds``: of the window, by the manager's clock. Workers are not trusted: what is not
    in the catalogue or no number is left out; None if nothing is left."""
    if not 0.0 < sent.seconds <= LONGEST_SECONDS or not isfinite(end_seconds):
        return None
    readings = [
        Reading(signal, place, value)
        for signal, place, value in sent.readings[:MAX_READINGS]
        if _is_plausible(signal, place, value)
    ]
    return Window(worker, kind, end_seconds, sent.seconds, tuple(readings)) if readings else None


def _is_plausible(signal: str, place: str, value: float) -> bool:
    known = SIGNALS.get(signal)
    return (
        known is not None
        and isfinite(value)
        and value >= 0.0
        and len(place) <= LONGEST_PLACE
        and (place == "") == (known.scope is Scope.WORKER)
    )
