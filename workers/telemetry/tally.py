"""Several counters that make up one signal."""

from __future__ import annotations

from collections.abc import Hashable

from workers.telemetry.base import Reading
from workers.telemetry.rates import Rates


class Tally:
    """Rates of counters, joined by signal and place: summed, or the greatest of them."""

    def __init__(self) -> None:
        self._rates = Rates()
        self._joined: dict[tuple[str, str], float] = {}

    def count(
        self,
        counter: Hashable,
        value: float,
        now_seconds: float,
        signal: str,
        place: str,
        *,
        factor: float = 1.0,
        greatest: bool = False,
    ) -> None:
        """A counter's value now; its rate, times the factor, becomes a part of the signal."""
        rate = self._rates.rate(counter, value, now_seconds)
        if rate is not None:
            self.add(signal, place, rate * factor, greatest=greatest)

    def forget(self, counter: Hashable) -> None:
        """A counter that is no more."""
        self._rates.forget(counter)

    def add(self, signal: str, place: str, value: float, *, greatest: bool = False) -> None:
        """A part of the signal as it is."""
        key = signal, place
        known = self._joined.get(key)
        if known is None:
            self._joined[key] = value
        else:
            self._joined[key] = max(known, value) if greatest else known + value

    def take(self) -> list[Reading]:
        """All that was joined since the last time. A share is at most 1: the clocks of a counter
        and of who reads it differ a little."""
        joined, self._joined = self._joined, {}
        return [
            (signal, place, min(1.0, value) if signal.endswith("_share") else value)
            for (signal, place), value in joined.items()
        ]
