"""Plans for models, budgets and ranks by three methods: how even, how near the best, how fast."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluations.base import Target, at_least, at_most, spread
from evaluations.fairkv.bounds import tighter_bound
from evaluations.fairkv.plan import Plan
from evaluations.fairkv.profiles import SHAPES, profile_of
from workers.heads.partition import partition
from workers.heads.plan import HeadPlan, rows_of
from workers.heads.planning import Method, plan_heads

METHODS: tuple[Method, ...] = ("equal", "assigned", "copied")
CHECKED_ROWS = (1, 7, 32)
"""Of batches, in each row of which every head must be once."""

Loads = NDArray[np.float64]


def measure(plan: Plan, say: Callable[[str], None]) -> dict[str, Any]:
    table, faults = [], {"worse_than_equal": 0, "rows_not_once": 0, "more_in_common": 0}
    for model, budget, ranks, kept in _cases(plan):
        if ranks == plan.ranks[0]:
            say(f"plans of {model}, {budget} tokens per head")
        plans = {method: plan_heads(kept, ranks, method=method) for method in METHODS}
        table.append(_row(model, budget, kept, plans))
        for name, count in faults_of(kept, plans).items():
            faults[name] += count
    return {
        "table": table,
        "utilisation": {method: _summary([row[method] for row in table]) for method in METHODS},
        "faults": faults,
        "small_batches": _small_batches(plan, say),
        "distance": _distance(plan, say),
        "planning": _planning(plan, say),
    }


def targets(figures: dict[str, Any]) -> list[Target]:
    """What the issue expects, and what keeps it honest: whole rows, and the optimum."""
    found = [
        at_least(
            "utilisation with copies, worst case", figures["utilisation"]["copied"]["min"], 0.98
        )
    ]
    for rows, by_way in figures["small_batches"]["utilisation"].items():
        what = f"the same in batches of {rows} rows that the plan was made for"
        found.append(at_least(f"{what}, mean", by_way["planned_for"]["mean"], 0.98))
        found.append(at_least(f"{what}, worst case", by_way["planned_for"]["min"], 0.98))
    planning, distance, faults = figures["planning"], figures["distance"], figures["faults"]
    found += [
        at_most(f"seconds to plan {planning['layers']} layers, slowest method",
                max(each["median"] for each in planning["seconds"].values()), 1.0),
        at_most("layers in which a plan is worse than the equal split",
                faults["worse_than_equal"], 0),
        at_most("heads that are not exactly once in each row of a batch",
                faults["rows_not_once"], 0),
        at_most("pairs of ranks with more than one head of a layer in common",
                faults["more_in_common"], 0),
        at_most("assignment alone, above the proven bound, mean over layers",
                distance["assigned"]["mean"], 0.01),
        at_most("with copies, above the mean load (which none can be below), worst layer",
                distance["copied"]["max"], 0.0011),
    ]  # fmt: skip
    return found


def _cases(plan: Plan) -> Iterator[tuple[str, int, int, Loads]]:
    for model in plan.models:
        for budget in plan.budgets:
            kept = profile_of(model, budget).loads()
            for ranks in plan.ranks:
                yield model, budget, ranks, kept


def _row(model: str, budget: int, kept: Loads, plans: dict[Method, HeadPlan]) -> dict[str, Any]:
    """``gain``: by how much attention is faster than with the equal split. ``extra_bytes``: weights
    of the copies, on all ranks together."""
    layers, heads = kept.shape
    utilisation: dict[str, float] = {
        method: plan.utilisation(kept) for method, plan in plans.items()
    }
    copies = plans["copied"].copies
    return {
        "model": model,
        "layers": layers,
        "heads": heads,
        "budget_tokens": budget,
        "ranks": plans["equal"].ranks,
        **utilisation,
        "gain_assigned": utilisation["assigned"] / utilisation["equal"],
        "gain_copied": utilisation["copied"] / utilisation["equal"],
        "copies": copies,
        "copies_per_layer": copies / layers,
        "copies_per_head": copies / (layers * heads),
        "extra_bytes": copies * SHAPES[model].head_bytes,
    }


def faults_of(kept: Loads, plans: dict[Method, HeadPlan]) -> dict[str, int]:
    """Counted from the plans' shares alone."""
    slowest = {method: plan.loads(kept).max(axis=1) for method, plan in plans.items()}
    worse = sum(
        int((slowest[method] > slowest["equal"] * (1 + 1e-9)).sum()) for method in METHODS[1:]
    )
    not_once = common = 0
    for plan in plans.values():
        for rows in CHECKED_ROWS:
            had = np.zeros((*kept.shape, rows), dtype=np.int64)
            for layer, _, share in plan.shares():
                part = rows_of(share, rows)
                had[layer, share.head, part.start : part.stop] += 1
            not_once += int((had != 1).any(axis=2).sum())
        has = np.zeros((len(kept), plan.ranks, plan.heads), dtype=np.int64)
        for layer, rank, share in plan.shares():
            has[layer, rank, share.head] = 1
        shared = has @ has.transpose(0, 2, 1)
        common += int(np.triu(shared > 1, k=1).sum())
    return {"worse_than_equal": worse, "rows_not_once": not_once, "more_in_common": common}


def _small_batches(plan: Plan, say: Callable[[str], None]) -> dict[str, Any]:
    """Utilisation where shares are whole rows: of plans that were made for any batch, and of those
    that were made for batches of so many rows."""
    table = []
    for model in plan.models:
        say(f"small batches of {model}")
        kept = profile_of(model, plan.rows_budget).loads()
        for ranks in plan.ranks:
            for_any = plan_heads(kept, ranks)
            for rows in plan.rows:
                for_these = plan_heads(kept, ranks, rows=rows)
                table.append(
                    {
                        "model": model,
                        "heads": kept.shape[1],
                        "ranks": ranks,
                        "rows": rows,
                        "planned_for_any": for_any.utilisation(kept, rows),
                        "planned_for": for_these.utilisation(kept, rows),
                        "copies": for_these.copies,
                    }
                )
    return {
        "budget_tokens": plan.rows_budget,
        "table": table,
        "utilisation": {
            str(rows): {
                way: _summary([row[way] for row in table if row["rows"] == rows])
                for way in ("planned_for_any", "planned_for")
            }
            for rows in plan.rows
        },
    }


def _distance(plan: Plan, say: Callable[[str], None]) -> dict[str, Any]:
    """By how much the slowest rank is above what is proven to be the least, layer by layer: that of
    assignment above the optimum (a search that came to its end) or a bound, that with copies above
    the mean."""
    assigned, copied, proven = [], [], 0
    table = []
    for model in plan.models:
        say(f"distance from the optimum, {model}")
        kept = profile_of(model, plan.rows_budget).loads()[: plan.proven_layers]
        for ranks in plan.ranks:
            slowest = plan_heads(kept, ranks, method="assigned").loads(kept).max(axis=1)
            least, exact = _least(kept, ranks, plan.proof_nodes)
            above = (slowest / least - 1).clip(0)
            with_copies = plan_heads(kept, ranks).loads(kept).max(axis=1)
            assigned += above.tolist()
            copied += (with_copies / kept.sum(axis=1) * ranks - 1).tolist()
            proven += exact
            table.append(
                {
                    "model": model,
                    "heads": kept.shape[1],
                    "ranks": ranks,
                    "assigned_above": spread(above.tolist()),
                    "optimum_known": exact / len(kept),
                }
            )
    return {
        "assigned": _summary(assigned),
        "copied": _summary(copied),
        "optimum_known": proven / len(assigned),
        "table": table,
    }


def _least(kept: Loads, ranks: int, nodes: int) -> tuple[Loads, int]:
    """Per layer what no assignment is below, and for how many that is the optimum."""
    least, exact = [], 0
    for row in kept.tolist():
        found = partition(row, [1] * ranks, nodes=nodes)
        exact += found.exact
        least.append(found.bound if found.exact else max(found.bound, tighter_bound(row, ranks)))
    return np.array(least), exact


def _planning(plan: Plan, say: Callable[[str], None]) -> dict[str, Any]:
    """Seconds to plan all layers of the model with most heads in most layers, on most ranks."""
    model = max(plan.models, key=lambda name: (SHAPES[name].layers, SHAPES[name].heads))
    ranks, kept = max(plan.ranks), profile_of(model, plan.rows_budget).loads()
    ways: dict[str, dict[str, Any]] = {
        "assigned": {"method": "assigned"},
        "copied": {},
        "copied, one per layer": {"copies": len(kept)},
        "copied, for 16 rows": {"rows": 16},
    }
    seconds = {}
    for way, options in ways.items():
        say(f"planning time: {way}")
        spent = []
        for _ in range(plan.timings):
            begun = time.perf_counter()
            plan_heads(kept, ranks, **options)
            spent.append(time.perf_counter() - begun)
        seconds[way] = spread(spent)
    return {"model": model, "layers": len(kept), "heads": kept.shape[1], "ranks": ranks,
            "seconds": seconds}  # fmt: skip


def _summary(values: Sequence[float]) -> dict[str, float]:
    return {"mean": statistics.fmean(values), **spread(values)}
