"""A rank that decodes by two plans of heads in turns: a program that `evaluations.fairkv.decoding`
starts as often as there are ranks, with a case as JSON on its standard input.

The model has seeded weights, and its caches are filled with seeded states as if long prompts had
been compressed; the steps are the real ones of `FairModel`. Rank 0 writes what was measured.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pkgutil import resolve_name
from typing import Any, ParamSpec
from unittest.mock import patch

import numpy as np
import torch
from torch import distributed
from transformers import LlamaConfig, LlamaForCausalLM

from workers.heads.plan import HeadPlan
from workers.heads.planning import plan_heads
from workers.inference.continuation import Continuation
from workers.inference.fairkv import shards
from workers.inference.fairkv.decoding import Decoding
from workers.inference.fairkv.model import FairModel
from workers.inference.ranks import here, join, leave
from workers.inference.sampling import Sampling

SEED = 7
SUMS = 100
P = ParamSpec("P")

Round = dict[str, list[float]]
"""Seconds of each step, and of attention and exchanges within it on this rank."""

_spent = {"attention_seconds": 0.0, "exchange_seconds": 0.0}
"""Within the step that is measured."""


def timed(what: str, function: Callable[P, torch.Tensor]) -> Callable[P, torch.Tensor]:
    """It, with what it takes counted as that."""

    def measured(*arguments: P.args, **options: P.kwargs) -> torch.Tensor:
        start = time.perf_counter()
        out = function(*arguments, **options)
        _spent[what] += time.perf_counter() - start
        return out

    return measured


MEASURED = (
    ("workers.inference.fairkv.attending.DecodePass.attend", "attention_seconds"),
    ("workers.inference.fairkv.shards.summed", "exchange_seconds"),
    ("workers.inference.fairkv.shards.side_by_side", "exchange_seconds"),
)
"""Attention over the caches; and what ranks give each other, with waiting for it. Those that count
stand in for them: no other line of what is measured is different."""


def main() -> None:
    case = json.loads(sys.stdin.read())
    torch.set_num_threads(1)
    join(torch.device("cpu"))
    kept = np.array(case["kept"], dtype=np.float64)
    rows = case["rows"]
    plans = {
        method: plan_heads(kept, here().count, method=method, rows=rows)
        for method in ("equal", "copied")
    }
    tokens: dict[str, list[list[int]]] = {}
    ways = {method: _filled(case, plan) for method, plan in plans.items()}
    rounds: dict[str, list[Round]] = {method: [] for method in plans}
    for number in range(case["rounds"] + 1):
        for method, decoding in ways.items():
            measured = _round(decoding, case["steps"])
            if number:  # the first warms up
                rounds[method].append(measured)
    for method, decoding in ways.items():
        tokens[method] = [item.tokens for item in decoding.items]
    answer = case["steps"] * (case["rounds"] + 1) / 2
    found = {
        "rounds": _of_all_ranks(rounds),
        "loads": {m: plan.loads(kept + answer, rows).tolist() for m, plan in plans.items()},
        "sum_seconds": _sums(torch.randn(rows, 1, case["hidden"])),
        "copies": plans["copied"].copies,
        "same_tokens": tokens["equal"] == tokens["copied"],
    }
    leave()
    if here().rank == 0:
        print(json.dumps(found), flush=True)


def _filled(case: dict[str, Any], plan: HeadPlan) -> Decoding:
    """Every slot with an item whose prompt was longer than any budget."""
    layers, heads = np.array(case["kept"]).shape
    torch.manual_seed(SEED)
    config = LlamaConfig(
        vocab_size=512,
        hidden_size=case["hidden"],
        intermediate_size=2 * case["hidden"],
        num_hidden_layers=layers,
        num_attention_heads=heads * case["queries_per_head"],
        num_key_value_heads=heads,
        head_dim=case["dim"],
        max_position_embeddings=1 << 20,
        eos_token_id=None,
    )
    budgets = tuple(tuple(row) for row in case["kept"])
    steps = case["steps"] * (case["rounds"] + 1)
    fair = FairModel(
        LlamaForCausalLM(config).eval(), _NoTokenizer(), plan, budgets, slots=case["rows"]
    )
    decoding = fair.decoding(steps + 1)
    prompt = [1] * (max(map(max, budgets)) + 1)
    for index in range(case["rows"]):
        item = Continuation(index, prompt, Sampling(steps + 2), None, ())
        item.take(index % 512)
        slot = decoding.seat(item)
        for layer in range(layers):
            for _, head, place in decoding.caches.serving(layer, slot):
                shape = (head.budget, case["dim"])
                seed = (slot * layers + layer) * heads + head.share.head
                random = torch.Generator().manual_seed(seed)
                head.begin(
                    place,
                    torch.randn(shape, generator=random),
                    torch.randn(shape, generator=random),
                )
    return decoding


class _NoTokenizer:
    eos_token_id = None


def _round(decoding: Decoding, steps: int) -> Round:
    found: Round = {"step_seconds": [], **{what: [] for what in _spent}}
    distributed.barrier()
    for _ in range(steps):
        _spent.update(dict.fromkeys(_spent, 0.0))
        start = time.perf_counter()
        decoding.step()  # it ends with what all ranks exchange
        found["step_seconds"].append(time.perf_counter() - start)
        for what, seconds in _spent.items():
            found[what].append(seconds)
    return found


def _sums(part: torch.Tensor) -> list[float]:
    """Seconds of sums over the ranks of what a layer adds up, with nothing to do beside."""
    seconds = []
    for _ in range(SUMS):
        distributed.barrier()
        start = time.perf_counter()
        shards.summed(part.clone())
        seconds.append(time.perf_counter() - start)
    return seconds


def _of_all_ranks(rounds: dict[str, list[Round]]) -> Any:
    """By rank."""
    all_: list[Any] = [None] * here().count
    distributed.all_gather_object(all_, rounds)
    return all_


if __name__ == "__main__":
    with ExitStack() as stack:
        for name, what in MEASURED:
            stack.enter_context(patch(name, timed(what, resolve_name(name))))
        main()
