"""The resident engine beside plain transformers: verification of claims, and generation.

Both run in one process on equal weights, made from a configuration with a fixed seed: what a
forward pass costs does not depend on what the weights know. Ways take turns, round by round, and
ratios are of one round, so that a machine that is slow for a while is slow for all of them. All
plans together take about a quarter of an hour on two cores.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from evaluations.base import Target, at_least, spread
from evaluations.inference.plan import FULL, QUICK, Plan

ONE_BY_ONE, CONTINUOUS, PCM = "generate one by one", "continuous batching", "pcm"
STATIC = "static batches of"
"""The beginning of a way's name; the size follows."""


def evaluate(say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    return _measure(FULL, say)


def quick(say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    """A tiny model and few items: as little as shows that it works."""
    return _measure(QUICK, say)


def _measure(
    plans: Sequence[Plan], say: Callable[[str], None]
) -> tuple[dict[str, Any], list[Target]]:
    found = {}
    for plan in plans:
        say(f"{plan.name}: {plan.rounds} rounds")
        command = [
            sys.executable,
            "-m",
            "evaluations.inference.program",
            msgspec.json.encode(plan).decode(),
        ]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        found[plan.name] = figures(json.loads(done.stdout.splitlines()[-1]))
    return found, targets(found)


def figures(measured: dict[str, Any]) -> dict[str, Any]:
    """Rates by way with pcm's ratio to each, from the rates of every round that both were in."""
    rates: dict[str, list[float]] = measured.pop("rates")
    static = [name for name in rates if name.startswith(STATIC)]
    if static:  # the first round has all of them
        best = max(static, key=lambda name: rates[name][0])
        rates["best static batch"] = rates[best]
    ratios = {
        name: spread([pcm / other for pcm, other in zip(rates[PCM], values, strict=False)])
        for name, values in rates.items()
        if name != PCM
    }
    by_way = {name: spread(values) for name, values in rates.items()}
    return {"per_second": by_way, "pcm_ratio_to": ratios, **measured}


def targets(found: dict[str, dict[str, Any]]) -> list[Target]:
    """What was hoped for of every plan that was measured."""
    hoped: list[Target] = []
    for name, one in found.items():
        ratios = {way: ratio["median"] for way, ratio in one["pcm_ratio_to"].items()}
        if one["kind"] == "verification":
            if (prefix_tokens := one["prefix_tokens"]) >= 500:
                least = 25.0 if prefix_tokens >= 2000 else 12.0
                hoped.append(at_least(f"{name}: ratio to one by one", ratios[ONE_BY_ONE], least))
            hoped.append(at_least(f"{name}: share of the floor", one["share_of_floor"], 0.8))
            hoped.append(
                at_least(
                    f"{name}: labels as by plain passes", one["same_labels"], one["least_same"]
                )
            )
        else:
            static = ratios["best static batch"]
            hoped.append(at_least(f"{name}: ratio to the best static batch", static, 2.3))
            hoped.append(at_least(f"{name}: ratio to continuous", ratios[CONTINUOUS], 1.0))
        same = one["same_bits_in_other_batches"]
        hoped.append(at_least(f"{name}: the same to the bit in other batches", same, 1.0))
    return hoped
