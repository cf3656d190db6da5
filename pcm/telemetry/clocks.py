"""Another machine's clock, told by the manager's: an offset, and a drift by which it changes.

An *exchange* of four times (sent and returned by the manager's clock, received and replied by the
other) gives the offset at one moment, wrong by at most half of the way there and back: RFC 5905,
section 8. Of the exchanges of a while the one with the shortest way is kept, as in its clock filter
(section 10); a line through the better half of these, by the median of slopes (Theil 1950, Sen
1968), gives the drift. A clock that is not where it can be by now was set, and is learned anew.

``error_seconds`` is a bound, not a guess, for clocks that drift evenly: however unequal the ways
there and back are, and however many exchanges were late. Seconds since 1970; time comes in.
"""

from __future__ import annotations

from itertools import combinations
from math import inf, isfinite
from statistics import median
from typing import NamedTuple

MAX_DRIFT = 500e-6
"""No clock is faster or slower than this: the tolerance of NTP's clock discipline."""
WANDER = 15e-6
"""By how much a drift may change unseen: PHI of RFC 5905."""
ROUNDING_SECONDS = 1e-6
"""A float of seconds since 1970 is good to a quarter of this."""
KEPT = 16
FINEST_SECONDS, COARSEST_SECONDS = 1.0, 16.0
"""One exchange is kept of so long a while: short at first, then twice as long whenever there are
too many. The memory reaches back ``KEPT * COARSEST_SECONDS`` at most."""
LATE_NEWS = 8
NEWS_STEP_SECONDS = 5.0
"""So many news in a row that are all so much later than any before: the clock was set back."""


class Exchange(NamedTuple):
    """``offset_seconds``: of the other clock ahead of the manager's, wrong by ``radius_seconds`` at
    most, when the other showed ``at_seconds``."""

    at_seconds: float
    offset_seconds: float
    radius_seconds: float

    @classmethod
    def of(cls, sent: float, received: float, replied: float, returned: float) -> Exchange | None:
        """None if these cannot be: a clock was set meanwhile."""
        stayed = replied - received
        away = returned - sent
        delay = away - stayed
        offset = ((received - sent) + (replied - returned)) / 2
        if not (isfinite(offset) and isfinite(delay)):
            return None
        if stayed < 0 or delay < -ROUNDING_SECONDS - MAX_DRIFT * stayed:
            return None
        radius = max(0.0, delay) / 2 + MAX_DRIFT * stayed + ROUNDING_SECONDS
        return cls(received + stayed / 2, offset, radius)


class Line(NamedTuple):
    """The offset by what the other clock shows, and by how much the drift may be wrong."""

    at_seconds: float
    offset_seconds: float
    drift: float
    drift_error: float

    def offset(self, at_seconds: float) -> float:
        return self.offset_seconds + self.drift * (at_seconds - self.at_seconds)


class Clock:
    """What is known of one other clock."""

    def __init__(self) -> None:
        self.steps = 0
        """How often it was found to have been set."""
        self.exchanges = 0
        self._kept: list[Exchange] = []
        self._latest: Exchange | None = None
        self._while_seconds = FINEST_SECONDS
        self._line: Line | None = None
        self._least: tuple[float, float] | None = None  # An offset that it had at least, and when.
        self._late: list[tuple[float, float]] = []

    def exchange(self, sent: float, received: float, replied: float, returned: float) -> bool:
        """Learn from four times, in the order in which they were; False if they cannot be."""
        new = Exchange.of(sent, received, replied, returned)
        if new is None:
            return False
        if self._latest is not None:
            apart = abs(new.offset_seconds - self._offset(new.at_seconds))
            if apart > new.radius_seconds + self.error_seconds(new.at_seconds):
                self._begin_anew()
        self.exchanges += 1
        self._latest = new
        self._line = None
        if self._kept and self._is_same_while(self._kept[-1], new):
            self._kept[-1] = _better(self._kept[-1], new)
        else:
            self._kept.append(new)
            if len(self._kept) > KEPT:
                self._thin()
        return True

    def news(self, told: float, received: float) -> None:
        """A message went off when the other clock showed ``told``, and arrived at ``received`` by
        the manager's. Without any exchange this bounds the times that the other tells."""
        offset = told - received
        if not isfinite(offset):
            return
        if self._latest is not None:
            if offset > self._offset(told) + self.error_seconds(told) + ROUNDING_SECONDS:
                self._begin_anew()
            else:
                return
        if self._least is None or offset >= self._bound(told):
            self._least, self._late = (told, offset), []
            return
        if offset < self._bound(told) - NEWS_STEP_SECONDS:
            self._late.append((told, offset))
            if len(self._late) >= LATE_NEWS:
                best = max(self._late, key=lambda late: late[1])
                self._begin_anew()
                self._least = best
        else:
            self._late = []

    def to_manager(self, seconds: float) -> float:
        """What the manager's clock showed when the other showed this. Without exchanges: the latest
        that it can have shown, or ``seconds`` if there were no news either."""
        return seconds - self._offset(seconds)

    def error_seconds(self, seconds: float) -> float:
        """By how much ``to_manager(seconds)`` may be wrong; infinite without exchanges.

        Half of the shortest way there and back, and what the drift may have added since.
        """
        if self._latest is None:
            return inf
        line = self._fitted()
        return min(
            abs(line.offset(known.at_seconds) - known.offset_seconds)
            + known.radius_seconds
            + line.drift_error * abs(seconds - known.at_seconds)
            for known in (*self._kept, self._latest)
        )

    @property
    def drift(self) -> float:
        """Seconds per second by which it is fast; 0 until it is known."""
        return self._fitted().drift if self._latest is not None else 0.0

    def _offset(self, seconds: float) -> float:
        if self._latest is not None:
            return self._fitted().offset(seconds)
        return self._bound(seconds) if self._least is not None else 0.0

    def _bound(self, seconds: float) -> float:
        assert self._least is not None
        at, offset = self._least
        return offset - MAX_DRIFT * abs(seconds - at)

    def _begin_anew(self) -> None:
        self.steps += 1
        self._kept = []
        self._latest = self._line = self._least = None
        self._late = []
        self._while_seconds = FINEST_SECONDS

    def _is_same_while(self, one: Exchange, other: Exchange) -> bool:
        width = self._while_seconds
        return one.at_seconds // width == other.at_seconds // width

    def _thin(self) -> None:
        if self._while_seconds >= COARSEST_SECONDS:
            del self._kept[0]
            return
        self._while_seconds *= 2
        kept: list[Exchange] = []
        for known in self._kept:
            if kept and self._is_same_while(kept[-1], known):
                kept[-1] = _better(kept[-1], known)
            else:
                kept.append(known)
        self._kept = kept[-KEPT:]

    def _fitted(self) -> Line:
        if self._line is None:
            self._line = _fit(self._kept)
        return self._line


def _better(one: Exchange, other: Exchange) -> Exchange:
    return one if one.radius_seconds <= other.radius_seconds else other


def _fit(kept: list[Exchange]) -> Line:
    """Through the better half; without drift where that is not known better than for any clock."""
    good = sorted(kept, key=lambda known: known.radius_seconds)[: max(2, (len(kept) + 1) // 2)]
    drift, error = 0.0, MAX_DRIFT
    slopes = [_slope(one, other) for one, other in _pairs(good)]
    if slopes:
        found = max(-MAX_DRIFT, min(MAX_DRIFT, median(slopes)))
        off = min(
            abs(found - _slope(one, other))
            + (one.radius_seconds + other.radius_seconds) / abs(other.at_seconds - one.at_seconds)
            for one, other in _pairs(kept)
        )
        if off < MAX_DRIFT:
            drift, error = found, off
    at = kept[-1].at_seconds
    offset = median(known.offset_seconds - drift * (known.at_seconds - at) for known in good)
    return Line(at, offset, drift, error + WANDER)


def _pairs(kept: list[Exchange]) -> list[tuple[Exchange, Exchange]]:
    """Far enough apart in time to have a slope."""
    apart = FINEST_SECONDS / 2
    return [
        (one, other)
        for one, other in combinations(kept, 2)
        if abs(other.at_seconds - one.at_seconds) >= apart
    ]


def _slope(one: Exchange, other: Exchange) -> float:
    return (other.offset_seconds - one.offset_seconds) / (other.at_seconds - one.at_seconds)
