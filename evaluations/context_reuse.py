"""The same claims with a model that is loaded per batch, and with one that stays.

naive: every batch starts a process that fetches the weights, imports and loads (a job per batch);
partial: the weights are on the worker's disk already, the process is still new for every batch;
pervasive: pcm as it is. All three are pcm runs on the same workers with the same batches, so they
differ in the reuse of the context and in nothing else. Rates are items over the run's seconds, the
load of a pervasive run's workers included.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pcm
from evaluations.base import Target, at_least, at_most, spread
from evaluations.workloads import DEMO, PROMPT, claims, model_context, nothing, verify_claims

WORKERS = 2
ROUNDS = 3
BATCH_SIZES = (1, 8, 64)
COLD_BATCHES = 4
"""Batches of a naive or partial run: each costs seconds, and each the same."""
PERVASIVE_ITEMS = 4_000

PROGRAM = """
import json, sys
from evaluations.workloads import verify_claims
import pcm
job = json.load(sys.stdin)
llm = pcm.language_model(job["model"]).load()
print(json.dumps(list(verify_claims()(llm, job["items"]))))
"""


@pcm.task
def in_new_process(
    _: Any, items: Sequence[dict[str, Any]], model: str, python: str, root: str, fetch: bool
) -> list[str]:
    """Verify a batch as a job of its own would: new process, imports, weights, answers."""
    with tempfile.TemporaryDirectory() as scratch:
        if fetch:
            model = shutil.copytree(model, Path(scratch) / "model").as_posix()
        job = json.dumps({"model": model, "items": list(items)})
        done = subprocess.run(
            [python, "-c", PROGRAM], input=job, capture_output=True, text=True, check=True, cwd=root
        )
    return json.loads(done.stdout.splitlines()[-1])


def evaluate(say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    rates: dict[str, dict[int, list[float]]] = {
        way: {size: [] for size in BATCH_SIZES} for way in ("naive", "partial", "pervasive")
    }
    for round_number in range(ROUNDS):
        for size in BATCH_SIZES:
            for way, rate in rates.items():
                say(f"round {round_number + 1} of {ROUNDS}: {way}, batches of {size}")
                rate[size].append(_items_per_second(way, size))
    median = {
        way: {size: spread(values)["median"] for size, values in rate.items()}
        for way, rate in rates.items()
    }
    warm = median["pervasive"].values()
    ratios = {
        f"{way}_to_pervasive": {s: median["pervasive"][s] / median[way][s] for s in BATCH_SIZES}
        for way in ("naive", "partial")
    }
    figures = {
        "items_per_second": {
            way: {size: spread(values) for size, values in rate.items()}
            for way, rate in rates.items()
        },
        "time_ratios": ratios,
        "pervasive_worst_to_best_batch_size": max(warm) / min(warm),
    }
    return figures, [
        at_least("naive/pervasive time at batch 8", ratios["naive_to_pervasive"][8], 3.5),
        at_most("pervasive, best/worst batch size", max(warm) / min(warm), 1.3),
    ]


def _items_per_second(way: str, size: int) -> float:
    with pcm.Manager(workers=WORKERS) as manager:
        if way == "pervasive":
            run = manager.map(
                verify_claims(),
                claims(PERVASIVE_ITEMS),
                context=model_context(),
                key="id",
                batch=size,
            )
            return PERVASIVE_ITEMS / run.wait().summary().seconds
        items = claims(COLD_BATCHES * size)
        task = in_new_process.bind(
            model=str(DEMO / "model"),
            python=sys.executable,
            root=str(PROMPT.parents[3]),
            fetch=way == "naive",
        )
        run = manager.map(task, items, context=nothing(), key="id", batch=size)
        return len(items) / run.wait().summary().seconds
