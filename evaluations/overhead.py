"""What pcm costs: per batch, per item, and in memory while items wait.

Empty batches show pcm alone: one item, a task that gives it back. The plain loop is the same task
called on the same loaded model in one process, so the difference is all that pcm adds to an item.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import psutil

import pcm
from evaluations.base import Target, at_least, at_most, spread
from evaluations.workloads import claims, echo, model_context, nothing, verify_claims

ROUNDS = 5
EMPTY_BATCHES = 8_000
ROUND_TRIPS = 1_000
MODEL_ITEMS = 1_500
WAITING_ITEMS = 1_000_000


def evaluate(say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    rates, one_way = [], []
    with pcm.Manager(engine="local", workers=8) as eight, pcm.Manager(workers=1) as one:
        for manager in (eight, one):  # every worker up and warm before anything is timed
            manager.map(echo, range(2_000), context=nothing(), batch=1).wait()
        for round_number in range(ROUNDS):
            say(f"empty batches, round {round_number + 1} of {ROUNDS}")
            run = eight.map(echo, range(EMPTY_BATCHES), context=nothing(), batch=1).wait()
            rates.append(EMPTY_BATCHES / run.summary().seconds)
            run = one.map(echo, range(ROUND_TRIPS), context=nothing(), batch=1).wait()
            one_way.append(run.summary().overhead_seconds_per_batch * 1e3)
    ratios, added = [], []
    for round_number in range(ROUNDS):
        say(f"the model in a plain loop and under pcm, round {round_number + 1} of {ROUNDS}")
        plain = _plain_loop_seconds()
        managed = _managed_seconds()
        ratios.append(managed / plain)
        added.append((managed - plain) / MODEL_ITEMS * 1e6)
    say("a million waiting items")
    waiting = _bytes_per_waiting_item()
    figures = {
        "empty_batches_per_second_8_workers": spread(rates),
        "overhead_milliseconds_per_batch": spread(one_way),
        "managed_to_plain_seconds_one_worker": spread(ratios),
        "added_microseconds_per_item": spread(added),
        "manager_bytes_per_waiting_item": waiting,
    }
    return figures, [
        at_most("overhead per batch, p50 [ms]", spread(one_way)["median"], 2.0),
        at_least("empty batches per second, 8 workers", spread(rates)["median"], 2_000),
        at_most("manager memory per waiting item [bytes]", waiting, 200),
    ]


def _plain_loop_seconds() -> float:
    """In a process of its own, as a user would run it: load, warm up, then time the loop."""
    program = (
        "import json, time\n"
        "from evaluations.workloads import claims, model_context, verify_claims\n"
        "llm = model_context().load()\n"
        f"items = claims({MODEL_ITEMS})\n"
        "list(verify_claims()(llm, items[:64]))\n"
        "start = time.perf_counter()\n"
        "list(verify_claims()(llm, items))\n"
        "print(json.dumps(time.perf_counter() - start))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return float(json.loads(done.stdout.splitlines()[-1]))


def _managed_seconds() -> float:
    with pcm.Manager(workers=1) as manager:
        task, context = verify_claims(), model_context()
        manager.map(task, claims(64), context=context, key="id").wait()
        return (
            manager.map(task, claims(MODEL_ITEMS), context=context, key="id")
            .wait()
            .summary()
            .seconds
        )


def _bytes_per_waiting_item() -> float:
    process = psutil.Process()
    with pcm.Manager(workers=0) as manager:
        manager.map(echo, range(1_000), context=nothing()).cancel()
        gc.collect()
        before = process.memory_info().rss
        items = (
            {"id": number, "claim": "a claim of some length"} for number in range(WAITING_ITEMS)
        )
        run = manager.map(echo, items, context=nothing(), key="id")
        run.progress()  # answered by the loop once it has taken the items
        gc.collect()
        after = process.memory_info().rss
        run.cancel()
        run.wait_settled()
    return (after - before) / WAITING_ITEMS
