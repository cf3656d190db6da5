"""A condition's declaration in words, as in docs/telemetry.md: what must hold, and how long."""

from __future__ import annotations

from pcm.telemetry.runbook.base import (
    AllOf,
    AnyOf,
    Common,
    Condition,
    Predicate,
    Test,
    TowardsPeers,
    Unless,
)
from pcm.telemetry.runbook.evidence import Statistic

WORDS = {
    Statistic.LEVEL: "",
    Statistic.LOWEST: "lowest ",
    Statistic.MEAN: "mean ",
    Statistic.SLOPE: "slope of ",
    Statistic.PAST_Z: "z to the past of ",
    Statistic.PAST_RATIO: "ratio to the past of ",
    Statistic.FLEET_Z: "z to the fleet of ",
    Statistic.FLEET_RATIO: "ratio to the fleet of ",
    Statistic.LASTING_MEAN: "minute's mean ",
    Statistic.LASTING_RATIO: "ratio of the minute to before of ",
    Statistic.GROUP_RATIO: "ratio to the group of ",
}


def described(predicate: Predicate) -> str:
    match predicate:
        case Test():
            words = f"{WORDS[predicate.statistic]}`{predicate.signal}` {bounds(predicate)}"
        case Unless(of=Test(at_least=0.0) as test):
            words = f"`{test.signal}` is not offered"
        case Unless():
            words = f"not {described(predicate.of)}"
        case AnyOf():
            words = "(" + " or ".join(described(one) for one in predicate.of) + ")"
        case AllOf():
            words = " and ".join(described(one) for one in predicate.of)
        case Common():
            shares = f"{predicate.at_least:.0%} to {predicate.at_most:.0%}"
            words = f"at {shares} of all places of the fleet {described(predicate.of)}"
        case TowardsPeers():
            words = "an interface towards peers"
        case _:
            raise TypeError(f"no words for {type(predicate).__name__}")
    return words


def bounds(test: Test) -> str:
    if test.at_least == 0.0:
        return "is offered"
    least = [] if test.at_least is None else [f">= {test.at_least:g}"]
    most = [] if test.at_most is None else [f"<= {test.at_most:g}"]
    return " and ".join(least + most)


def row(condition: Condition) -> str:
    """Of the table of conditions, in Markdown."""
    when = "; ".join(described(predicate) for predicate in condition.when)
    needed, of = condition.enter
    return f"| {condition.id} {condition.name} | {condition.scope} | {when} | {needed} of {of} |"
