"""What a condition is declared of: tests of statistics, a cause, a directive, an expected effect.

A test whose signal was not read of a place does not hold there: a missing signal means silence,
for bounds from above as for bounds from below, and never a guess.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from typing import Protocol

import numpy as np
import numpy.typing as npt

from pcm.telemetry.runbook.derived import scope_of
from pcm.telemetry.runbook.evidence import Evidence, Statistic
from pcm.telemetry.signals import Scope
from pcm.telemetry.statistics import Floats

Bools = npt.NDArray[np.bool_]

SLOWDOWN_MAX = 4.0
PLACES_READ = 4
"""Of how many places something may be said to be common, or to be local."""


class Family(StrEnum):
    NORTH_SOUTH = "north-south"
    PCIE = "pcie"
    EAST_WEST = "east-west"


class Phase(StrEnum):
    PREFILL = "prefill"
    DECODE = "decode"
    BOTH = "both"
    HANDOFF = "hand-off"


class Predicate(Protocol):
    def strength(self, evidence: Evidence, scope: Scope) -> Floats:
        """By place of the scope: 1 or more where it holds, by how much it does; below 1 where it
        does not; not a number where it cannot be told."""

    def tests(self) -> tuple[Test, ...]:
        """All that it takes."""


@dataclass(frozen=True, slots=True)
class Test:
    """A statistic of a signal within bounds. ``why``: how the bound was set.

    A signal of another scope than the condition's is lifted: of several places of the worker the
    one that meets the bound best counts.
    """

    statistic: Statistic
    signal: str
    at_least: float | None = None
    at_most: float | None = None
    why: str = ""

    @property
    def name(self) -> str:
        plain = self.statistic is Statistic.LEVEL
        return self.signal if plain else f"{self.signal}:{self.statistic}"

    def values(self, evidence: Evidence, scope: Scope) -> Floats | None:
        values = evidence.of(self.statistic, self.signal)
        if values is None:
            return None
        return evidence.lifted(values, scope_of(self.signal), scope, self.at_least is not None)

    def strength(self, evidence: Evidence, scope: Scope) -> Floats:
        values = self.values(evidence, scope)
        if values is None:
            return np.full(len(evidence.history.places[scope]), np.nan, np.float32)
        strength = np.full_like(values, np.inf)
        if self.at_least is not None:
            strength = np.minimum(strength, over(values, self.at_least))
        if self.at_most is not None:
            # A veto: how far from its bound a value is says nothing for the condition.
            within = np.where(values <= self.at_most, np.inf, 0.0).astype(np.float32)
            strength = np.minimum(strength, np.where(np.isnan(values), np.float32(np.nan), within))
        return strength

    def tests(self) -> tuple[Test, ...]:
        return (self,)


def over(values: Floats, bound: float) -> Floats:
    """Value / bound; where the bound is no positive number, 1 from it on, else 0."""
    if bound > 0.0:
        return values / np.float32(bound)
    held = np.where(values >= bound, 1.0, 0.0).astype(np.float32)
    return np.where(np.isnan(values), np.float32(np.nan), held)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one holds; those that cannot be told are passed over."""

    of: tuple[Predicate, ...]

    def strength(self, evidence: Evidence, scope: Scope) -> Floats:
        strength = self.of[0].strength(evidence, scope)
        for predicate in self.of[1:]:
            strength = np.fmax(strength, predicate.strength(evidence, scope))
        return strength

    def tests(self) -> tuple[Test, ...]:
        return tuple(test for predicate in self.of for test in predicate.tests())


@dataclass(frozen=True, slots=True)
class AllOf:
    """All hold."""

    of: tuple[Predicate, ...]

    def strength(self, evidence: Evidence, scope: Scope) -> Floats:
        strength = self.of[0].strength(evidence, scope)
        for predicate in self.of[1:]:
            strength = np.minimum(strength, predicate.strength(evidence, scope))
        return strength

    def tests(self) -> tuple[Test, ...]:
        return tuple(test for predicate in self.of for test in predicate.tests())


@dataclass(frozen=True, slots=True)
class Unless:
    """It does not hold, so far as can be told: the one place where silence counts for a condition.

    For what another condition would show, where its signal is offered at all.
    """

    of: Predicate

    def strength(self, evidence: Evidence, scope: Scope) -> Floats:
        strength = self.of.strength(evidence, scope)
        return np.where(strength >= 1.0, np.float32(0.0), np.float32(np.inf))

    def tests(self) -> tuple[Test, ...]:
        return self.of.tests()


@dataclass(frozen=True, slots=True)
class Common:
    """It holds for a share of all places of this scope, in the whole fleet, within bounds."""

    of: Predicate
    at_least: float = 0.0
    at_most: float = 1.0
    places: int = PLACES_READ

    def strength(self, evidence: Evidence, scope: Scope) -> Floats:
        strength = self.of.strength(evidence, scope)
        read = ~np.isnan(strength)
        number = int(read.sum())
        share = float((strength[read] >= 1.0).mean()) if number else 0.0
        fits = number >= self.places and self.at_least <= share <= self.at_most
        return np.where(read, np.float32(np.inf if fits else 0.0), np.float32(np.nan))

    def tests(self) -> tuple[Test, ...]:
        return self.of.tests()


@dataclass(frozen=True, slots=True)
class TowardsPeers:
    """The interface leads to peers that are told of by name (``eth0``, where there is
    ``eth0>w2``)."""

    def strength(self, evidence: Evidence, scope: Scope) -> Floats:
        names = evidence.history.places[scope].names
        known = [name for name in names if name is not None]
        leads = {(owner, place.partition(">")[0]) for owner, place in known if ">" in place}
        return np.array([float(name in leads) for name in names], np.float32)

    def tests(self) -> tuple[Test, ...]:
        return ()


Effect = Callable[[Mapping[str, float]], float]


@dataclass(frozen=True, slots=True)
class Condition:
    """One of the 28.

    ``when``: all of them hold. ``enter``: it is found after so many of the newest so many seconds;
    it is over when it held in none of the newest ``quiet`` ones. ``lasted_seconds``: how long it
    had been so when it first held, where tests are of a minute. ``effect``: the factor on a batch's
    time that is expected of it, from the evidence's numbers by name.
    """

    id: str
    name: str
    family: Family
    scope: Scope
    phase: Phase
    cause: str
    directive: str
    when: tuple[Predicate, ...]
    effect: Effect
    enter: tuple[int, int] = (6, 8)
    quiet: int = 8
    lasted_seconds: int = 0

    def tests(self) -> tuple[Test, ...]:
        return tuple(test for predicate in self.when for test in predicate.tests())

    def slowdown(self, numbers: Mapping[str, float]) -> float:
        """The expected factor, from 1 to ``SLOWDOWN_MAX``."""
        try:
            factor = self.effect(numbers)
        except (KeyError, ZeroDivisionError):
            return 1.0
        return min(max(factor, 1.0), SLOWDOWN_MAX) if isfinite(factor) else 1.0


def level(signal: str, at_least: float | None = None, at_most: float | None = None) -> Test:
    return Test(Statistic.LEVEL, signal, at_least, at_most)


def unknown(signal: str) -> Unless:
    """It was not read there, nor of the worker at all."""
    return Unless(level(signal, at_least=0.0))


def lowest(signal: str, at_least: float | None = None, at_most: float | None = None) -> Test:
    return Test(Statistic.LOWEST, signal, at_least, at_most)


def mean(signal: str, at_least: float | None = None, at_most: float | None = None) -> Test:
    return Test(Statistic.MEAN, signal, at_least, at_most)


def slope(signal: str, at_least: float | None = None, at_most: float | None = None) -> Test:
    return Test(Statistic.SLOPE, signal, at_least, at_most)


def past(signal: str, at_least: float | None = None, at_most: float | None = None) -> Test:
    return Test(Statistic.PAST_RATIO, signal, at_least, at_most)


def past_z(signal: str, at_least: float | None = None, at_most: float | None = None) -> Test:
    return Test(Statistic.PAST_Z, signal, at_least, at_most)


def fleet(signal: str, at_least: float | None = None, at_most: float | None = None) -> Test:
    return Test(Statistic.FLEET_RATIO, signal, at_least, at_most)


def fleet_z(signal: str, at_least: float | None = None, at_most: float | None = None) -> Test:
    return Test(Statistic.FLEET_Z, signal, at_least, at_most)


def lasting(signal: str, at_least: float | None = None, at_most: float | None = None) -> Test:
    return Test(Statistic.LASTING_RATIO, signal, at_least, at_most)


def lasting_mean(signal: str, at_least: float | None = None, at_most: float | None = None) -> Test:
    return Test(Statistic.LASTING_MEAN, signal, at_least, at_most)


def group(signal: str, at_least: float | None = None, at_most: float | None = None) -> Test:
    return Test(Statistic.GROUP_RATIO, signal, at_least, at_most)


def no_effect(_: Mapping[str, float]) -> float:
    return 1.0


def costs(factor: float) -> Effect:
    """Always this."""
    return lambda _: factor


def lost_share(name: str) -> Effect:
    """What is left of the time is 1 less the share."""
    return lambda numbers: 1.0 / max(1.0 - numbers[name], 1e-3)


def grows_with(name: str, part: float = 1.0) -> Effect:
    """A part of the time grows by the number, a ratio to what it was."""
    return lambda numbers: 1.0 + part * (numbers[name] - 1.0)


def shrinks_with(name: str) -> Effect:
    """The rate is that share of what it was."""
    return lambda numbers: 1.0 / max(numbers[name], 1e-3)
