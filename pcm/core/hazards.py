"""How soon a worker will be taken away, as learned by its kind and zone, and from the last minute.

Owners differ: the GPUs of one kind are wanted back every few minutes, those of another stay for
days. Each kind has a rate of its own, drawn towards that of all as long as little was seen of it
(a gamma prior worth ``PRIOR_EVICTIONS``), and each zone of a kind in the same way towards its kind.
Evictions also come in waves: where several of a kind or of a zone went within the last minute, the
others of it are held to go at that pace, until the minute is over.
"""

from __future__ import annotations

from collections import deque
from math import inf

from pcm.core.events import Capacity
from pcm.core.worker import Worker

PRIOR_EVICTIONS = 2.0
"""What the rate of the larger group counts for, in evictions of the smaller one."""
WAVE = 2
"""So many within the last while may be a wave."""
SHORTEST_SECONDS = 1e-3
FRESH_SECONDS = 1.0
"""An answer holds for so long, or until the next worker goes."""


_ANY = "*"
Key = tuple[str, str]
"""A kind of worker, or any; and its zone, or none."""


class Tally:
    """How long the workers of a group have lived, and how many were evicted."""

    __slots__ = ("evictions", "gone_seconds", "joined_sum", "present", "recent")

    def __init__(self) -> None:
        self.present = self.evictions = 0
        self.joined_sum = self.gone_seconds = 0.0
        self.recent: deque[float] = deque()
        """When the latest were evicted."""

    def lived_seconds(self, now: float) -> float:
        return self.gone_seconds + self.present * now - self.joined_sum

    def pace(self, now: float, wave_seconds: float) -> float:
        """Evictions per worker and second within the last while; 0 unless there were several."""
        recent = self.recent
        while recent and recent[0] <= now - wave_seconds:
            recent.popleft()
        if len(recent) < WAVE:
            return 0.0
        # Those that went were there for half of it, on the whole.
        return len(recent) / (wave_seconds * (self.present + len(recent) / 2.0))


class Hazards:
    """``prior_seconds``: the mean time between evictions that is assumed before any was seen;
    ``wave_seconds``: how long a wave is held to last."""

    def __init__(self, prior_seconds: float, wave_seconds: float) -> None:
        self._prior_seconds, self._wave_seconds = prior_seconds, wave_seconds
        self._all = Tally()
        self._groups: dict[Key, Tally] = {}
        self._known: dict[Key, tuple[float, float]] = {}
        """What was answered last, and when: every batch asks."""

    # -- told ------------------------------------------------------------------------------------

    def joined(self, worker: Worker, now: float) -> None:
        worker.at_risk = True
        for tally in self._of(worker.capacity):
            tally.present += 1
            tally.joined_sum += now

    def left(self, worker: Worker, now: float, *, evicted: bool) -> None:
        """It is gone, or was told to go. The first word of that counts."""
        if not worker.at_risk:
            return
        worker.at_risk = False
        for tally in self._of(worker.capacity):
            tally.present -= 1
            tally.joined_sum -= worker.joined_at
            tally.gone_seconds += now - worker.joined_at
            if evicted:
                tally.evictions += 1
                tally.recent.append(now)
        self._known.clear()

    # -- asked -----------------------------------------------------------------------------------

    def life_seconds(self, now: float) -> float:
        """Mean time between evictions of one worker, all in all; the prior counts as one."""
        lived = self._all.lived_seconds(now)
        return (self._prior_seconds + lived) / (1 + self._all.evictions)

    def life_seconds_of(self, capacity: Capacity, now: float) -> float:
        """How long a worker like this is expected to stay from now on."""
        key = capacity.kind, capacity.zone
        known_at, seconds = self._known.get(key, (-inf, 0.0))
        if now > known_at + FRESH_SECONDS:
            seconds = self._life_seconds(_keys(*key), now)
            self._known[key] = now, seconds
        return seconds

    def best_life_seconds(self, now: float) -> float:
        """The same of those present that stay longest."""
        kinds = [key for key, tally in self._groups.items() if tally.present and key[0] != _ANY]
        return max((self._life_seconds(_keys(*key), now) for key in kinds), default=inf)

    def _life_seconds(self, keys: tuple[Key, ...], now: float) -> float:
        rate, pace = 1.0 / max(self.life_seconds(now), SHORTEST_SECONDS), 0.0
        for key in keys:
            tally = self._groups.get(key)
            if tally is not None:
                if key[0] != _ANY:
                    lived_seconds = PRIOR_EVICTIONS / rate + tally.lived_seconds(now)
                    rate = (PRIOR_EVICTIONS + tally.evictions) / lived_seconds
                pace = max(pace, tally.pace(now, self._wave_seconds))
        return 1.0 / max(rate, pace)

    def _of(self, capacity: Capacity) -> list[Tally]:
        groups, keys = self._groups, _keys(capacity.kind, capacity.zone)
        return [self._all, *(groups.setdefault(key, Tally()) for key in keys)]


def _keys(kind: str, zone: str) -> tuple[Key, ...]:
    """Groups of such a worker: a smaller one after the larger that its rate is drawn to; a zone of
    all kinds counts for waves only."""
    return ((kind, ""), (kind, zone), (_ANY, zone)) if zone else ((kind, ""),)
