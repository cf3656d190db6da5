"""python -m evaluations.inference.program PLAN: measures one plan, prints one JSON object.

A process of its own, so that evaluations import no torch.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from typing import Any

import msgspec
import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

import pcm
from evaluations.inference import PCM
from evaluations.inference.generation import Generation
from evaluations.inference.plan import SHAPES, Plan
from evaluations.inference.texts import origins
from evaluations.inference.transformers_ways import Ways
from evaluations.inference.turns import in_turns
from evaluations.inference.verification import Verification
from evaluations.workloads import DEMO

CONTEXT_TOKENS = 4096
WEIGHT_SPREAD = 0.06
"""Wider than usual for fresh weights, so that labels differ from claim to claim."""


def load(plan: Plan) -> tuple[Any, Ways]:
    """A model of this shape with seeded weights, saved and loaded as any other: by pcm, and by
    transformers for its own ways."""
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
        llm = pcm.language_model(directory, dtype=plan.dtype).load()
        plain = LlamaForCausalLM.from_pretrained(directory, dtype=plan.dtype).eval()
    return llm, Ways(plain, llm.tokenizer)


def warm(llm: Any, ways: Ways) -> None:
    """What all ways import and find out at their first use is no part of the rates."""
    row = llm.tokenizer("A river")["input_ids"]
    ways.static([row], [2], 1)
    ways.continuous([row], [2])
    list(llm.generate(["A river"], 2))
    list(llm.choose(["A river"], [" is", " was"]))


def measure(plan: Plan) -> dict[str, Any]:
    start = time.perf_counter()
    llm, ways = load(plan)
    warm(llm, ways)
    kind = Verification if plan.kind == "verification" else Generation
    work: Verification | Generation = kind(plan, llm, ways)
    rates = in_turns(work.timed(), plan.rounds)
    floor = work.floor()
    done = floor.pop("done")
    return {
        "kind": plan.kind,
        "rates": rates,
        "threads": torch.get_num_threads(),
        **origins(),
        **work.facts(),
        **floor,
        "share_of_floor": floor["floor_seconds"] * max(rates[PCM]) / done,
        "seconds_to_measure": time.perf_counter() - start,
    }


def main() -> None:
    os.environ.setdefault("OMP_NUM_THREADS", str(len(os.sched_getaffinity(0))))
    print(json.dumps(measure(msgspec.json.decode(sys.argv[1], type=Plan))))


if __name__ == "__main__":
    main()
