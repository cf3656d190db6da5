"""What the model does on a GPU: claims verified, answers generated; by pcm and by transformers.

Ways take turns. Every time is taken when the device has done all that it was asked for.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from evaluations.base import spread
from evaluations.inference.texts import answer_lengths, claim_texts, prompt
from evaluations.workloads import LABELS

TRIES = 20
GRAPHS = "PCM_CUDA_GRAPHS"
STATIC_BATCH = 32
READ_BYTES = 1 << 28


@dataclass(frozen=True)
class Work:
    """How much is done: transformers verifies ``static_claims`` of the claims, in one batch."""

    prefixes: tuple[int, ...]
    claims: int
    static_claims: int
    answers: int
    longest_answer: int
    rounds: int


def verification(llm: Any, work: Work, prefix_tokens: int) -> dict[str, Any]:
    """Claims per second, and how the bits stand in other batches."""

    def ids(text: str) -> list[int]:
        found: list[int] = llm.tokenizer(text)["input_ids"]
        return found

    before, after = prompt(prefix_tokens, lambda text: len(ids(text)))
    rests = [claim + after for claim in claim_texts(work.claims)]
    rows = [ids(before + rest) for rest in rests[: work.static_claims]]
    longest = max(len(llm.tokenizer(one, add_special_tokens=False)["input_ids"]) for one in LABELS)
    choices = list(llm.choose(rests, LABELS, before))
    order = list(range(len(rests)))
    random.Random(0).shuffle(order)
    again = dict(zip(order, llm.choose([rests[i] for i in order], LABELS, before), strict=True))
    alone = [next(iter(llm.choose([rest], LABELS, before))) for rest in rests[:8]]
    own = sum(len(ids(before + rest)) - len(ids(before)) for rest in rests)
    rates = _in_turns(
        {
            "pcm": lambda: float(sum(1 for _ in llm.choose(rests, LABELS, before))),
            "static batch": lambda: _static(llm, rows, [longest] * len(rows), len(rows), len(rows)),
        },
        llm.model.device,
        work.rounds,
    )
    in_layers = sum(weight.numel() for weight in llm.model.model.layers.parameters())
    least = 2.0 * own * in_layers / _matrix_rate(llm.model, llm.sizes.packing.tokens)
    return {
        "claims_per_second": rates,
        "own_tokens": own,
        "pass_tokens": llm.sizes.packing.tokens,
        "rungs": list(llm.sizes.packing.rungs),
        "share_of_linear_layers_floor": least * rates["pcm"]["max"] / len(rests),
        "same_bits_in_another_order": choices == [again[i] for i in range(len(rests))],
        "same_bits_alone": alone == choices[: len(alone)],
    }


def generation(llm: Any, work: Work) -> dict[str, Any]:
    """Tokens per second with recorded steps and without, and whether they give the same bits."""
    texts, lengths = claim_texts(work.answers), answer_lengths(work.answers, work.longest_answer)
    rows = [llm.tokenizer(text)["input_ids"] for text in texts]
    answers: dict[str, list[Any]] = {}

    def by_pcm(graphs: str) -> float:
        os.environ[GRAPHS] = graphs
        answers[graphs] = list(llm.generate(texts, lengths, 1.0))
        return float(sum(answer.completion_tokens for answer in answers[graphs]))

    by_pcm("1")  # what is found out at the first use is no part of the rates
    rates = _in_turns(
        {
            "pcm": lambda: by_pcm("1"),
            "pcm without graphs": lambda: by_pcm("0"),
            f"static batches of {STATIC_BATCH}": lambda: _static(
                llm, rows, lengths, STATIC_BATCH, sum(lengths)
            ),
        },
        llm.model.device,
        work.rounds,
    )
    os.environ[GRAPHS] = "1"
    backwards = list(llm.generate(texts[::-1], lengths[::-1], 1.0))[::-1]
    weights = sum(weight.nbytes for weight in llm.model.parameters())
    read = _read_rate(llm.model.device)
    least = max(lengths) * weights / read
    return {
        "tokens_per_second": rates,
        "tokens": sum(lengths),
        "longest_answer_tokens": max(lengths),
        "memory_gb_per_second": read / 1e9,
        "share_of_reading_floor": least * rates["pcm"]["max"] / sum(lengths),
        "rows": list(llm.sizes.ladder.rungs) if llm.sizes.ladder else [],
        "graphs_refused": llm.sizes.graphs.refused,
        "same_bits_without_graphs": answers["1"] == answers["0"],
        "same_bits_backwards": answers["1"] == backwards,
    }


@torch.inference_mode()
def _static(
    llm: Any, rows: Sequence[list[int]], lengths: Sequence[int], size: int, done: int
) -> float:
    """By transformers' own ``generate``; a batch lasts as long as its longest answer."""
    for start in range(0, len(rows), size):
        some = rows[start : start + size]
        width = max(map(len, some))
        filled = [[0] * (width - len(row)) + row for row in some]
        mask = [[0] * (width - len(row)) + [1] * len(row) for row in some]
        llm.model.generate(
            torch.tensor(filled, device=llm.model.device),
            attention_mask=torch.tensor(mask, device=llm.model.device),
            max_new_tokens=max(lengths[start : start + size]),
            do_sample=False,
            pad_token_id=0,
        )
    return float(done)


def _in_turns(
    ways: dict[str, Callable[[], float]], device: torch.device, rounds: int
) -> dict[str, dict[str, float]]:
    """Items or tokens per second of every way."""
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.perf_counter()
            done = way()
            _synchronise(device)
            rates[name].append(done / (time.perf_counter() - start))
    return {name: spread(values) for name, values in rates.items()}


@torch.inference_mode()
def _matrix_rate(model: Any, tokens: int) -> float:
    """Operations per second of the model's own feed-forward products of so many tokens."""
    mlp = model.model.layers[0].mlp
    ones = torch.ones(tokens, mlp.gate_proj.in_features, dtype=model.dtype, device=model.device)
    operations = 2 * tokens * 3 * mlp.gate_proj.weight.numel()
    seconds = _best_seconds(
        lambda: mlp.down_proj(mlp.gate_proj(ones) + mlp.up_proj(ones)), model.device
    )
    return float(operations / seconds)


@torch.inference_mode()
def _read_rate(device: torch.device) -> float:
    """Bytes per second when the device's memory is read from end to end."""
    numbers = torch.ones(READ_BYTES // 4, device=device)
    return numbers.nbytes / _best_seconds(numbers.sum, device)


def _best_seconds(do: Callable[[], Any], device: torch.device) -> float:
    best = float("inf")
    for _ in range(TRIES):
        start = time.perf_counter()
        do()
        _synchronise(device)
        best = min(best, time.perf_counter() - start)
    return best


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
