"""python -m evaluations.inference.program PLAN: measures one plan, prints one JSON object.

A process of its own, so that evaluations import no torch.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

import pcm
from evaluations.inference import CONTINUOUS, ONE_BY_ONE, PCM
from evaluations.inference.floor import floor_seconds_per_item
from evaluations.inference.plan import SHAPES, Plan
from evaluations.inference.texts import answer_lengths, claim_texts, prompt
from evaluations.inference.transformers_ways import Ways
from evaluations.workloads import DEMO, LABELS

CONTEXT_TOKENS = 4096
WEIGHT_SPREAD = 0.06
"""Wider than usual for fresh weights, so that labels differ from claim to claim."""

NO_CLAIM = "N/A"

Timed = dict[str, Callable[[], float]]
"""By way: does the work once, gives items or tokens done."""


def load(plan: Plan) -> Any:
    """A model of this shape with seeded weights, saved and loaded as any other."""
    torch.manual_seed(0)
    config = LlamaConfig(
        **SHAPES[plan.shape],
        max_position_embeddings=CONTEXT_TOKENS,
        initializer_range=WEIGHT_SPREAD,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=0,
    )
    with tempfile.TemporaryDirectory() as directory:
        LlamaForCausalLM(config).to(getattr(torch, plan.dtype)).save_pretrained(directory)
        AutoTokenizer.from_pretrained(DEMO / "model").save_pretrained(directory)
        return pcm.language_model(directory, dtype=plan.dtype).load()


def verification(plan: Plan, llm: Any) -> tuple[Timed, dict[str, Any]]:
    ways = Ways(llm.model, llm.tokenizer)
    before, after = prompt(plan.prefix_tokens, lambda text: len(llm.tokenizer(text)["input_ids"]))
    rests = [claim + after for claim in claim_texts(plan.items)]
    rows = [llm.tokenizer(before + rest)["input_ids"] for rest in rests]
    new = max(len(llm.tokenizer(label, add_special_tokens=False)["input_ids"]) for label in LABELS)
    few = rows[: plan.slow_items]

    def choose() -> float:
        return float(sum(1 for _ in llm.choose(rests, LABELS, before)))

    timed: Timed = {ONE_BY_ONE: partial(ways.static, few, [new] * len(few), 1)}
    for size in plan.static_batches:
        timed[f"static batches of {size}"] = partial(ways.static, rows[:size], [new] * size, size)
    many = rows[: 4 * plan.slow_items]
    timed[CONTINUOUS] = partial(ways.continuous, many, [new] * len(many))
    timed[PCM] = choose
    given = {"normalisation": "mean", "baseline": NO_CLAIM + after}  # else one label fits all
    choices = list(llm.choose(rests, LABELS, before, **given))
    reverse = list(llm.choose(rests[::-1], LABELS, before, **given))[::-1]
    chosen = [choice.label for choice in choices]
    base = ways.score(llm.tokenizer(before + NO_CLAIM + after)["input_ids"], LABELS)
    plain = [
        {label: score - base[label] for label, score in ways.score(row, LABELS).items()}
        for row in rows[: plan.checked]
    ]
    same = sum(a == max(b, key=b.__getitem__) for a, b in zip(chosen, plain, strict=False))
    differences = [
        abs(choice.scores[label] - scores[label])
        for choice, scores in zip(choices, plain, strict=False)
        for label in LABELS
    ]
    own = sum(map(len, rows)) / len(rows) - len(llm.tokenizer(before)["input_ids"])
    return timed, {
        "prefix_tokens": plan.prefix_tokens,
        "own_tokens_per_item": own,
        "labels_chosen": {label: chosen.count(label) for label in LABELS},
        "same_labels": same / len(plain),
        "greatest_difference_of_scores": max(differences),
        "least_same": 1.0 if plan.dtype == "float32" else 0.9,
        "same_bits_in_reverse_order": choices == reverse,
        "floor_seconds_per_item": floor_seconds_per_item(
            llm.model, rows, LABELS, llm.tokenizer, before
        ),
    }


def generation(plan: Plan, llm: Any) -> tuple[Timed, dict[str, Any]]:
    ways = Ways(llm.model, llm.tokenizer)
    texts = claim_texts(plan.items)
    rows = [llm.tokenizer(text)["input_ids"] for text in texts]
    lengths = answer_lengths(plan.items, plan.most_new_tokens)

    def generate() -> float:
        return float(sum(answer.completion_tokens for answer in llm.generate(texts, lengths)))

    list(llm.generate(texts[:2], 2))  # what is found out at the first use is no part of the rates
    timed: Timed = {}
    for size in plan.static_batches:
        timed[f"static batches of {size}"] = partial(
            ways.static, rows, lengths, size, count_tokens=True
        )
    timed[CONTINUOUS] = partial(ways.continuous, rows, lengths, count_tokens=True)
    timed[PCM] = generate
    return timed, {"tokens_asked": sum(lengths), "answers": plan.items}


def main() -> None:
    plan = msgspec.json.decode(sys.argv[1], type=Plan)
    os.environ.setdefault("OMP_NUM_THREADS", str(len(os.sched_getaffinity(0))))
    llm = load(plan)
    prepare = verification if plan.kind == "verification" else generation
    timed, facts = prepare(plan, llm)
    rates: dict[str, list[float]] = {name: [] for name in timed}
    for _ in range(plan.rounds):
        for name, way in timed.items():
            start = time.perf_counter()
            done = way()
            rates[name].append(done / (time.perf_counter() - start))
    if plan.kind == "verification":
        best = max(rates[PCM])
        facts["share_of_floor"] = facts["floor_seconds_per_item"] * best
    print(
        json.dumps({"kind": plan.kind, "rates": rates, "threads": torch.get_num_threads(), **facts})
    )


if __name__ == "__main__":
    main()
