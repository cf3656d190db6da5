"""All conditions of a plan, and what is expected of them."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from evaluations.base import Target, at_least, at_most, spread
from evaluations.cold_start import models
from evaluations.observer.hosts import Hosts
from evaluations.phases import programs
from evaluations.phases.judging import Span, judged
from evaluations.phases.lengths import origin, questions
from evaluations.phases.plan import Condition, Plan
from evaluations.workloads import DEMO

DETECTED_SHARE = 0.95
BOUNDARY_MILLISECONDS = 5.0
"""Of the median error. A step of decoding takes longer, here and on accelerators, so that the
boundary lies at the right token."""
WINDOWS_RIGHT = 0.9


def measure(plan: Plan, say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    """Figures, and what is expected of them. Exits where it cannot be."""
    if not shutil.which("tc"):
        raise SystemExit("phases: there is no tc on PATH")
    most_tokens = plan.most_prompt_tokens + plan.most_new_tokens
    found = {}
    with (
        Hosts() as hosts,
        _model(plan, say) as model,
        programs.server(hosts.other, model, most_tokens) as server,
    ):
        for number, condition in enumerate(plan.conditions):
            say(condition.name)
            found[condition.name] = _condition(hosts, server, plan, condition, number)
    figures = {"clock": "one machine's", "lengths_from": origin(), "conditions": found}
    return figures, targets(found)


def targets(found: dict[str, dict[str, Any]]) -> list[Target]:
    """Each of the worst condition."""

    def greatest(boundary: str) -> float:
        """Median error; without any boundary there is no bound that it keeps."""
        errors = [one["error_milliseconds"].get(boundary) for one in found.values()]
        return max(float(one["median"]) if one else float("inf") for one in errors)

    made = sum(one["requests"] for one in found.values())
    falsely = sum(one["told_falsely"] for one in found.values())
    detected = min(one["detected_share"] for one in found.values())
    right = min(one["windows"]["right"] for one in found.values())
    bound = BOUNDARY_MILLISECONDS
    return [
        at_least("requests detected, worst condition", detected, DETECTED_SHARE),
        at_most("requests told that nobody made, per request", falsely / made, 0.05),
        at_most("end of prefill, worst median error, ms", greatest("first_token"), bound),
        at_most("end of decode, worst median error, ms", greatest("last_token"), bound),
        at_least("windows of 10 ms in the right phase, worst condition", right, WINDOWS_RIGHT),
    ]


@contextmanager
def _model(plan: Plan, say: Callable[[str], None]) -> Iterator[Path]:
    """Its directory."""
    if plan.shape is None:
        yield DEMO / "model"
        return
    say("making the model")
    with tempfile.TemporaryDirectory(prefix="pcm-phases-") as place:
        shape = plan.shape
        made = models.make(
            Path(place), layers=shape.layers, hidden=shape.hidden, tokens=shape.tokens
        )
        yield made["float32"]


def _condition(
    hosts: Hosts, server: programs.Server, plan: Plan, condition: Condition, number: int
) -> dict[str, Any]:
    """Its figures."""
    given = [
        questions(
            condition.requests,
            plan.most_prompt_tokens,
            plan.most_new_tokens,
            plan.gap_seconds,
            seed=1000 * number + connection,
        )
        for connection in range(condition.connections)
    ]
    with ExitStack() as stack:
        watching = stack.enter_context(programs.observer(hosts))
        server.how(condition)
        if condition.bulk:
            bits, seconds = plan.cable_bits_per_second, plan.cable_queue_seconds
            stack.enter_context(programs.bulk(hosts, bits, seconds))
        begin = time.time()
        programs.asked(hosts.one, given)
        end = time.time()
        records = server.how(condition)
        told, counted = watching.told(end)
    made = [Span(r["connection"], r["arrived"], r["made"][0], r["made"][-1]) for r in records]
    return {
        **judged(made, told, begin, end),
        "seconds": end - begin,
        "packets": counted,
        "engine": _engine(records),
    }


def _engine(records: list[dict[str, Any]]) -> dict[str, Any]:
    """What it did: prompts, answers, and how long its phases were."""
    gaps = [
        later - earlier
        for one in records
        for earlier, later in zip(one["made"], one["made"][1:], strict=False)
    ]
    return {
        "prompt_tokens": spread([one["prompt_tokens"] for one in records]),
        "answer_tokens": spread([len(one["made"]) for one in records]),
        "prefill_milliseconds": spread([(r["made"][0] - r["arrived"]) * 1e3 for r in records]),
        "waited_milliseconds": spread([(r["started"] - r["arrived"]) * 1e3 for r in records]),
        "token_gap_milliseconds": median(gaps) * 1e3 if gaps else None,
    }
