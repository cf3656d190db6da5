"""Which finding explains which: a slow fabric makes many workers look slow.

A table of what a condition brings about and where, and two rules: a cause does not begin after its
effect (but for some seconds, by which one of them may be found late), and it lasted until the
effect began, or nearly so. The table has no circles, so of any findings some are explained by none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from pcm.telemetry.explains import EXPLAINS, Explains, Where
from pcm.telemetry.findings import Finding
from pcm.telemetry.history import History
from pcm.telemetry.signals import Scope

SLACK_SECONDS = 15.0
"""A cause may be seen to begin so much later than its effect: a level is a median of five seconds,
and not every condition shows at once."""
LINGER_SECONDS = 30.0
"""An effect may begin so long after its cause has ended: queues drain."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Which workers make each other wait: by worker, those that share a group or a link with it."""

    of_worker: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, history: History) -> Neighbours:
        together: dict[str, set[str]] = defaultdict(set)
        members: dict[str, set[str]] = defaultdict(set)
        for worker, place in named(history, Scope.RANK):
            members[place.partition(":")[0]].add(worker)
        for group in members.values():
            for worker in group:
                together[worker] |= group
        for worker, place in named(history, Scope.LINK):
            peer = place.partition(">")[2]
            if peer in history.workers:
                together[worker].add(peer)
                together[peer].add(worker)
        return cls({worker: frozenset(others) for worker, others in together.items()})

    def near(self, one: str, other: str) -> bool:
        return one == other or other in self.of_worker.get(one, ())


def named(history: History, scope: Scope) -> Iterable[tuple[str, str]]:
    """Worker and place of each row of a scope."""
    for key in history.places[scope].names:
        if key is not None and (worker := history.names[key[0]]) is not None:
            yield worker, key[1]


class Cause(NamedTuple):
    where: Where
    rank: int
    """Causes of causes have higher ones."""


class Attribution:
    def __init__(self, table: Iterable[Explains] = EXPLAINS) -> None:
        table = tuple(table)
        ranks = ranks_of({entry.cause: entry.effects for entry in table})
        self._causes: dict[str, dict[str, Cause]] = defaultdict(dict)
        """By effect, then by cause."""
        for entry in table:
            for effect in entry.effects:
                self._causes[effect][entry.cause] = Cause(entry.where, ranks[entry.cause])

    def explain(self, findings: Iterable[Finding], neighbours: Neighbours) -> dict[str, str]:
        """By the id of each finding that is an effect: the id of its cause, of several the one
        that is the cause of most, then the nearest, then the earliest."""
        by_condition: dict[str, list[Finding]] = defaultdict(list)
        for finding in findings:
            by_condition[finding.condition].append(finding)
        explained: dict[str, str] = {}
        for condition, effects in by_condition.items():
            causes = [
                (cause, by_condition[name])
                for name, cause in self._causes.get(condition, {}).items()
                if name in by_condition
            ]
            causes.sort(key=lambda entry: -entry[0].rank)
            for effect in effects:
                for cause, candidates in causes:
                    fitting = [one for one in candidates if fits(one, effect, cause, neighbours)]
                    if fitting:
                        nearest = min(fitting, key=lambda one: distance(one, effect))
                        explained[effect.id] = nearest.id
                        break
        return explained


def fits(cause: Finding, effect: Finding, how: Cause, neighbours: Neighbours) -> bool:
    """Whether time and place allow it."""
    if cause.since_seconds > effect.since_seconds + SLACK_SECONDS:
        return False
    ended = cause.until_seconds
    if ended is not None and ended + LINGER_SECONDS < effect.since_seconds:
        return False
    if how.where is Where.FLEET or cause.worker == effect.worker:
        return True
    return how.where is Where.PEERS and neighbours.near(cause.worker, effect.worker)


def distance(cause: Finding, effect: Finding) -> tuple[int, float, str]:
    nearness = 2 * (cause.worker != effect.worker) + (cause.place != effect.place)
    return nearness, cause.since_seconds, cause.id


def ranks_of(effects: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    """By condition: the length of the longest chain of effects from it.

    Raises ValueError for a circle.
    """
    ranks: dict[str, int] = {}

    def rank(condition: str, above: tuple[str, ...]) -> int:
        if condition in above:
            raise ValueError(f"these explain each other: {' > '.join((*above, condition))}")
        if condition not in ranks:
            below = (rank(effect, (*above, condition)) for effect in effects.get(condition, ()))
            ranks[condition] = 1 + max(below, default=-1)
        return ranks[condition]

    for condition in effects:
        rank(condition, ())
    return ranks
