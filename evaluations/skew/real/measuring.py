"""All rounds, what came of them, and what is expected of that."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from evaluations.base import Target, at_least, at_most, spread
from evaluations.skew.real.plan import Plan, Round, scenario
from evaluations.skew.real.sitting import WAYS, Sat, Sitting, Told, Way
from pcm.core.scheduler import Scheduler
from pcm.engines.simulated import simulate

ATTEMPTS = 3
Say = Callable[[str], None]
NOTABLE = 1.05
"""A possible gain of less than this is no more than what rounds differ by anyway."""
LOOK_SECONDS = 0.05
TOLD = 1.2
"""A factor of a ``SkewChanged`` that says something."""


class NotJoined(RuntimeError):
    """Workers were not there in time."""


def measure(plan: Plan, say: Say) -> tuple[dict[str, Any], list[Target]]:
    """Raises NotJoined."""
    rounds = []
    with tempfile.TemporaryDirectory(prefix="pcm-skew-", ignore_cleanup_errors=True) as scratch:
        for number, round_ in enumerate(plan.rounds):
            found = of_round(_patient_round(plan, round_, Path(scratch) / f"{number}"))
            found["bound_seconds"] = simulate(scenario(plan, round_), Scheduler()).bound_seconds
            found["onset_seconds"], found["slow_factors"] = round_
            rounds.append(found)
            say(f"real, round {number + 1} of {len(plan.rounds)}: {found}")
    figures = figures_of(rounds)
    return figures, targets(figures)


def _round(plan: Plan, round_: Round, where: Path) -> dict[Way, Sat]:
    """Raises NotJoined."""
    where.mkdir()
    begin_at = time.time() + plan.lead_seconds
    with ExitStack() as stack:
        sittings = {
            way: stack.enter_context(Sitting(plan, round_, way, begin_at, where / way))
            for way in WAYS
        }
        # Of all, each time: whoever is asked hands recordings over.
        while sum(sitting.is_ready() for sitting in sittings.values()) < len(sittings):
            if time.time() > begin_at - plan.quiet_seconds:
                raise NotJoined(f"not all workers joined in good time: {plan.lead_seconds:g} s")
            time.sleep(LOOK_SECONDS)
        with ThreadPoolExecutor(len(sittings)) as threads:
            runs = {way: threads.submit(sitting.run) for way, sitting in sittings.items()}
            return {way: run.result() for way, run in runs.items()}


def _patient_round(plan: Plan, round_: Round, where: Path) -> dict[Way, Sat]:
    """Where the machine is busy, workers take longer to join; raises NotJoined if ever so long."""
    for attempt in range(ATTEMPTS):
        longer = replace(plan, lead_seconds=plan.lead_seconds * 2**attempt)
        try:
            return _round(longer, round_, where.with_name(f"{where.name}.{attempt}"))
        except NotJoined:
            if attempt + 1 == ATTEMPTS:
                raise
    raise AssertionError("there is at least one attempt")


def of_round(sat: Mapping[Way, Sat]) -> dict[str, Any]:
    scored = sat["advisory"]
    told = [change for change in scored.changes if change.what["factor"] >= TOLD]
    return {
        "makespan_seconds": {way: one.makespan_seconds for way, one in sat.items()},
        "rows_off": sum(one.rows_off for one in sat.values()),
        "onset_to_finding_seconds": _delays(scored, scored.findings),
        "onset_to_told_seconds": _delays(scored, told),
        "told_of_workers_that_are_well": len({c.worker for c in told} - set(scored.slow)),
        "factors_told": sorted(change.what["factor"] for change in told),
        "conditions": sorted({finding.what["condition"] for finding in scored.findings}),
    }


def _delays(scored: Sat, events: Sequence[Told]) -> list[float | None]:
    """By slow worker, until the first of these events about it; None if there was none."""
    delays = []
    for worker in scored.slow:
        times = [e.at_seconds for e in events if e.worker == worker]
        after = [at - scored.onset_at for at in times if at > scored.onset_at]
        delays.append(min(after, default=None))
    return delays


def figures_of(rounds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Makespans are summed over all rounds, as over the seeds of a simulated pool."""
    total = {way: sum(one["makespan_seconds"][way] for one in rounds) for way in WAYS}
    possible = total["off"] - total["known"]
    share = (total["off"] - total["advisory"]) / possible if possible > 0.0 else None
    figures: dict[str, Any] = {
        "without_over_known": total["off"] / total["known"],
        "scored_over_known": total["advisory"] / total["known"],
        "share_of_possible_gain": share,
        "known_over_bound": total["known"] / sum(one["bound_seconds"] for one in rounds),
        "rows_off": sum(one["rows_off"] for one in rounds),
        "rounds": list(rounds),
    }
    for name in ("onset_to_finding_seconds", "onset_to_told_seconds"):
        delays = [delay for one in rounds for delay in one[name]]
        known = [delay for delay in delays if delay is not None]
        figures[name] = spread(known) if known else None
        figures[name.replace("seconds", "never")] = len(delays) - len(known)
    return figures


def targets(figures: Mapping[str, Any]) -> list[Target]:
    expected = [at_most("real: rows lost, twice or wrong, all rounds", figures["rows_off"], 0)]
    if figures["without_over_known"] >= NOTABLE:
        share = figures["share_of_possible_gain"]
        expected.append(at_least("real: share of the possible gain", share, 0.8))
    return expected
