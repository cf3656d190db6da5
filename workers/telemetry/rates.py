"""Rates of counters that only grow, except when their driver is loaded anew."""

from __future__ import annotations

from collections.abc import Hashable


class Rates:
    """Remembers each counter's last value."""

    def __init__(self) -> None:
        self._last: dict[Hashable, tuple[float, float]] = {}

    def rate(self, counter: Hashable, value: float, now_seconds: float) -> float | None:
        """Its growth per second since it was told last.

        None the first time, if no time has passed, and after a reset: how much there was before
        and after it cannot be known.
        """
        last = self._last.get(counter)
        if last is not None and now_seconds <= last[1]:
            return None
        self._last[counter] = value, now_seconds
        if last is None or value < last[0]:
            return None
        return (value - last[0]) / (now_seconds - last[1])

    def forget(self, counter: Hashable) -> None:
        """A counter that is no more."""
        self._last.pop(counter, None)
