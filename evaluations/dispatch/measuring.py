"""All measurements of a run, in their order."""

from __future__ import annotations

import itertools
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from statistics import quantiles
from typing import Any, NamedTuple

from evaluations.base import Target, at_least, at_most, spread
from evaluations.dispatch.beside import FunctionCalls
from evaluations.dispatch.idle import idle_load
from evaluations.dispatch.kills import seconds_to_requeue
from evaluations.dispatch.managed import Managed
from evaluations.dispatch.plan import Plan
from evaluations.dispatch.pool import Pool

Say = Callable[[str], None]
TRIPS = ("engine", "taskvine_direct", "taskvine_fork")
"""Ways whose calls go one after the other."""


class Pools(NamedTuple):
    """All ways to as many workers."""

    engine: Pool
    taskvine_direct: FunctionCalls
    taskvine_fork: FunctionCalls
    manager: Managed


def measure(plan: Plan, say: Say) -> tuple[dict[str, Any], list[Target]]:
    figures: dict[str, Any] = {}
    with _pools(1, say) as one, _pools(plan.many, say) as many:
        figures["taskvine"] = one.taskvine_direct.version
        figures["round_trip_milliseconds"] = _round_trips(plan, one, say)
        figures["batches_per_second"] = _rates(plan, one, many, say)
        figures["idle_pool_start_milliseconds"] = _idle_starts(plan, one, many, say)
    say("kills of workers")
    figures["kill_to_requeue_milliseconds"] = {
        kind: distribution(seconds) for kind, seconds in seconds_to_requeue(plan.kills).items()
    }
    figures["idle_cpu"] = {}
    for workers in plan.idle_workers:
        say(f"idle with {workers} workers")
        figures["idle_cpu"][_so_many(workers)] = idle_load(workers, plan.idle_seconds)
    return figures, targets(figures)


@contextmanager
def _pools(workers: int, say: Say) -> Iterator[Pools]:
    say(f"{workers} warm workers each way")
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pcm-dispatch-")))
        for mode in ("direct", "fork"):
            (scratch / mode).mkdir()
        yield Pools(
            stack.enter_context(closing(Pool(workers))),
            stack.enter_context(closing(FunctionCalls("direct", workers, scratch / "direct"))),
            stack.enter_context(closing(FunctionCalls("fork", workers, scratch / "fork"))),
            stack.enter_context(closing(Managed(workers))),
        )


def _round_trips(plan: Plan, one: Pools, say: Say) -> dict[str, Any]:
    seconds: dict[str, list[list[float]]] = {way: [] for way in TRIPS}
    for number in range(plan.rounds):
        say(f"round trips, round {number + 1} of {plan.rounds}")
        for way, rounds in seconds.items():
            rounds.append(getattr(one, way).round_trips(plan.round_trips))
    return {
        way: distribution(list(itertools.chain(*rounds)))
        | {"p50_of_rounds": spread([percentiles(trips)[0] * 1e3 for trips in rounds])}
        for way, rounds in seconds.items()
    }


def _rates(plan: Plan, one: Pools, many: Pools, say: Say) -> dict[str, Any]:
    sizes = {1: (one, plan.batches_one), plan.many: (many, plan.batches_many)}
    rates: dict[int, dict[str, list[float]]] = {
        workers: {way: [] for way in _ways(one)} for workers in sizes
    }
    for number in range(plan.rounds):
        say(f"batches per second, round {number + 1} of {plan.rounds}")
        for workers, (pools, batches) in sizes.items():
            for way, per_second in _ways(pools).items():
                rates[workers][way].append(per_second(batches))
    return {
        _so_many(workers): {way: spread(rate) for way, rate in ways.items()}
        for workers, ways in rates.items()
    }


def _ways(pools: Pools) -> dict[str, Callable[[int], float]]:
    return {
        "engine": pools.engine.per_second,
        "taskvine_direct": pools.taskvine_direct.per_second,
        "taskvine_direct_queued": pools.taskvine_direct.per_second_queued,
        "taskvine_fork": pools.taskvine_fork.per_second,
        "manager": pools.manager.per_second,
    }


def _idle_starts(plan: Plan, one: Pools, many: Pools, say: Say) -> dict[str, Any]:
    """In turn on four pools, so that each is idle while the others have their turns; at times that
    fall anywhere in the seconds of TaskVine's timers."""
    say(f"starts on idle pools, {plan.idle_starts} each way")
    pools: list[Pool | Managed] = [one.engine, one.manager, many.engine, many.manager]
    seconds: dict[str, list[float]] = {"engine": [], "manager": []}
    used = dict.fromkeys(pools, time.monotonic())
    for pool in itertools.islice(itertools.cycle(pools), 2 * plan.idle_starts):
        ready = used[pool] + plan.idle_least_seconds + random.random() / len(pools)
        time.sleep(max(0.0, ready - time.monotonic()))
        way = "engine" if isinstance(pool, Pool) else "manager"
        seconds[way].append(pool.seconds_to_start())
        used[pool] = time.monotonic()
    return {way: distribution(starts) for way, starts in seconds.items()}


def _so_many(workers: int) -> str:
    return f"{workers}_worker" if workers == 1 else f"{workers}_workers"


def percentiles(values: Sequence[float]) -> tuple[float, float]:
    """The 50th and the 95th."""
    if len(values) == 1:
        return values[0], values[0]
    cuts = quantiles(values, n=20, method="inclusive")
    return cuts[9], cuts[18]


def distribution(seconds: Sequence[float]) -> dict[str, Any]:
    """In milliseconds."""
    p50, p95 = percentiles(seconds)
    return {
        "p50": p50 * 1e3,
        "p95": p95 * 1e3,
        "max": max(seconds) * 1e3,
        "samples": len(seconds),
    }


def targets(figures: dict[str, Any]) -> list[Target]:
    """What is expected of the figures, and whether they are so."""
    trips = figures["round_trip_milliseconds"]["engine"]
    starts = figures["idle_pool_start_milliseconds"]
    expected = [
        at_most("round trip of an empty batch, p50 [ms]", trips["p50"], 5.0),
        at_most("start on an idle pool, engine, p95 [ms]", starts["engine"]["p95"], 20.0),
        at_most("start on an idle pool, manager, p95 [ms]", starts["manager"]["p95"], 20.0),
    ]
    for workers, rates in figures["batches_per_second"].items():
        ways = ("taskvine_direct", "taskvine_direct_queued")
        direct = max(rates[way]["median"] for way in ways)
        for way in ("engine", "manager"):
            what = f"batches per second, {workers}, {way}, against TaskVine's direct mode"
            expected.append(at_least(what, rates[way]["median"], round(direct, 1)))
    for workers, load in figures["idle_cpu"].items():
        what = f"manager and driver when idle, {workers} [% of a core]"
        expected.append(at_most(what, load["together_percent"], 1.0))
    expected += [
        at_most(f"kill to requeue, {kind}, max [ms]", seconds["max"], 1000.0)
        for kind, seconds in figures["kill_to_requeue_milliseconds"].items()
    ]
    return expected
