"""All measurements of a run, and what is expected of them."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from evaluations.base import Target, at_most, spread
from evaluations.observer.hosts import Hosts
from evaluations.observer.plan import Plan
from evaluations.observer.programs import Application, observer, samplers_share, traffic


def measure(plan: Plan, say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    """Figures, and what is expected of them."""
    with Hosts() as hosts:
        steps = {str(flows): _steps(hosts, plan, flows, say) for flows in plan.flow_counts}
        idle = _idle(hosts, plan)
        applications = {
            name: _latency(hosts, plan.rounds, work_seconds, answers, say)
            for name, work_seconds, answers in plan.applications
        }
    say("samplers")
    with tempfile.TemporaryDirectory(prefix="pcm-observer-") as place:
        share = samplers_share(plan.sampler_seconds, Path(place))
    figures = {
        "by_flows": steps,
        "idle_core_share": idle,
        "application": applications,
        "samplers_core_share": share,
    }
    kept_up = [
        step["lost"]
        for of in steps.values()
        for step in of
        if 0 < step["asked_per_second"] <= plan.kept_up_rate
    ]
    name = f"packets lost at up to {plan.kept_up_rate:,} a second"
    return figures, [
        at_most(name, sum(kept_up), 0),
        at_most("a decoding step watched, times unwatched", applications["decode"]["ratio"], 1.01),
        at_most("samplers' share of a core", share, 0.005),
    ]


def _steps(
    hosts: Hosts, plan: Plan, flows: int, say: Callable[[str], None]
) -> list[dict[str, float]]:
    """By rate: what was sent, what of a core it took, what was lost."""
    found = []
    for rate in plan.rates:
        say(f"{rate or 'most':,} packets a second, {flows} flows" if rate else "as many as can be")
        with observer(hosts.other) as watching:
            begun = time.time()
            sent = traffic(hosts.one, rate, flows, plan.seconds)
            windows = watching.windows(begun - 1.0, time.time() + 0.5)
        core_seconds = sum(window["cpu_seconds"] for window in windows)
        seen = sum(window["packets"] for window in windows)
        found.append(
            {
                "asked_per_second": rate,
                "packets_per_second": sent["packets"] / sent["seconds"],
                "core_share": core_seconds / sent["seconds"],
                "microseconds_per_packet": core_seconds / max(1, seen) * 1e6,
                "seen": seen,
                "dropped": sum(window["dropped"] for window in windows),
                "lost": sent["packets"] - seen,
                "evicted_flows": sum(window["evicted"] for window in windows),
                "samples_dropped": sum(window["samples_dropped"] for window in windows),
            }
        )
    return found


def _idle(hosts: Hosts, plan: Plan) -> float:
    """Share of a core while nothing comes."""
    with observer(hosts.other) as watching:
        time.sleep(1.0)
        begun = time.time()
        time.sleep(plan.seconds)
        windows = watching.windows(begun, time.time())
    seconds = sum(float(one["seconds"]) for one in windows)
    return sum(float(one["cpu_seconds"]) for one in windows) / seconds


def _latency(
    hosts: Hosts, rounds: int, work_seconds: float, answers: int, say: Callable[[str], None]
) -> dict[str, Any]:
    """Medians and 99th percentiles of rounds with the observer and without, each beside the other;
    the ratio is the median of the rounds'."""
    medians: dict[str, list[float]] = {"with": [], "without": []}
    tails: dict[str, list[float]] = {"with": [], "without": []}
    with Application(hosts, work_seconds) as application:
        application.ask(answers)
        for number in range(rounds):
            say(f"answers after {work_seconds:g} s: round {number + 1} of {rounds}")
            # Who is first changes from round to round.
            for which in ("with", "without") if number % 2 else ("without", "with"):
                if which == "with":
                    with observer(hosts.other):
                        seconds = application.ask(answers)
                else:
                    seconds = application.ask(answers)
                medians[which].append(median(seconds))
                tails[which].append(quantiles(seconds, n=100)[98])
    ratios = [one / other for one, other in zip(medians["with"], medians["without"], strict=True)]
    return {
        "median_seconds": {which: spread(values) for which, values in medians.items()},
        "99th_percentile_seconds": {which: spread(values) for which, values in tails.items()},
        "ratio": median(ratios),
        "ratios": spread(ratios),
        "added_seconds": median(
            one - other for one, other in zip(medians["with"], medians["without"], strict=True)
        ),
    }
