"""python -m evaluations.inference.on_gpu: the resident model on a GPU, in less than ten minutes.

A model with random weights is made there from a configuration, saved, and loaded as any other.
Measured are its loading, verification of claims and generation, with recorded steps and without,
beside plain transformers. The figures are written to
``evaluations/results/DATE-DEVICE-inference.json``, with hardware and command.

Written for CUDA, not yet run there: the test runs it with a tiny model on a CPU.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import re
import shlex
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

import pcm
from evaluations.base import machine, spread
from evaluations.inference.gpu_work import Work, generation, verification
from evaluations.inference.plan import SHAPES
from evaluations.workloads import DEMO

CONTEXT_TOKENS = 4096
COPIED_BYTES = 1 << 30
SHAPE_1_7B = {
    "vocab_size": 49152,
    "hidden_size": 2048,
    "intermediate_size": 8192,
    "num_hidden_layers": 24,
    "num_attention_heads": 32,
    "num_key_value_heads": 32,
}
"""SmolLM2-1.7B's."""
FULL = Work((512, 2048), claims=512, static_claims=16, answers=96, longest_answer=256, rounds=3)
QUICK = Work((64,), claims=12, static_claims=4, answers=6, longest_answer=24, rounds=1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", default="1.7B", choices=("1.7B", *SHAPES))
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--quick", action="store_true", help="as little as shows that it works")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "results")
    options = parser.parse_args()
    if options.device.startswith("cuda") and not torch.cuda.is_available():
        print("no CUDA device is here (torch sees none): run it where one is", file=sys.stderr)
        return 2
    found = measure(options)
    found["command"] = shlex.join(["python", "-m", "evaluations.inference.on_gpu", *sys.argv[1:]])
    options.out.mkdir(parents=True, exist_ok=True)
    kind = re.sub(r"[^a-z0-9]+", "-", found["device"]["name"].lower()).strip("-")
    file = options.out / f"{found['date']}-{kind}-inference.json"
    file.write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found))
    print(f"written to {file}", file=sys.stderr)
    return 0


def measure(options: argparse.Namespace) -> dict[str, Any]:
    start, device = time.perf_counter(), torch.device(options.device)
    found: dict[str, Any] = {
        "name": "inference on a GPU",
        "date": date.today().isoformat(),
        "device": about(device),
        "machine": msgspec.to_builtins(machine()),
        "model": {"shape": options.shape, "dtype": options.dtype},
    }

    def say(what: str) -> None:
        print(f"{time.perf_counter() - start:6.1f} s: {what}", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory() as directory:
        say("making the model")
        make(directory, {"1.7B": SHAPE_1_7B, **SHAPES}[options.shape], options.dtype, device)
        say("loading")
        work = QUICK if options.quick else FULL
        found["loading"] = loading(directory, options.dtype, device, work.rounds)
        llm: Any = pcm.language_model(directory, dtype=options.dtype, device=str(device)).load()
        for tokens in work.prefixes:
            say(f"verification, prefix {tokens}")
            found[f"verification, prefix {tokens}"] = verification(llm, work, tokens)
        say("generation")
        found["generation"] = generation(llm, work)
    if device.type == "cuda":
        found["device"]["most_allocated_bytes"] = torch.cuda.max_memory_allocated(device)
    found["seconds_to_measure"] = time.perf_counter() - start
    return found


def about(device: torch.device) -> dict[str, Any]:
    """What computes."""
    if device.type != "cuda":
        return {"name": str(device)}
    seen = torch.cuda.get_device_properties(device)
    torch.zeros(1, device=device)  # the device is set up before anything is timed
    return {
        "name": seen.name,
        "memory_bytes": seen.total_memory,
        "capability": f"{seen.major}.{seen.minor}",
        "cuda": torch.version.cuda,
    }


def make(directory: str, shape: dict[str, int], dtype: str, device: torch.device) -> None:
    """Seeded weights in a directory as a hub model has it."""
    torch.manual_seed(0)
    config = LlamaConfig(
        **shape,
        max_position_embeddings=CONTEXT_TOKENS,
        initializer_range=0.06,  # labels then differ from claim to claim
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=0,
    )
    with device:
        network = LlamaForCausalLM(config)
    network.to(getattr(torch, dtype)).save_pretrained(directory)
    AutoTokenizer.from_pretrained(DEMO / "model").save_pretrained(directory)


def loading(directory: str, dtype: str, device: torch.device, rounds: int) -> dict[str, Any]:
    """Seconds until the model is on the device: with its files in the page cache and without, by
    pcm and by transformers alone; and what the link takes for as many bytes."""

    def by_pcm() -> Any:
        return pcm.language_model(directory, dtype=dtype, device=str(device)).load()

    def plainly() -> Any:
        AutoTokenizer.from_pretrained(directory)
        network = AutoModelForCausalLM.from_pretrained(directory, dtype=getattr(torch, dtype))
        return network.to(device)

    files = sorted(Path(directory).glob("*.safetensors"))
    size_bytes = sum(file.stat().st_size for file in files)
    seconds: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, load in (("pcm", by_pcm), ("transformers", plainly)):
            for cached in (True, False):
                for file in files:
                    _prepare(file, cached)
                taken = _seconds(load, device)
                seconds.setdefault(f"{name}, {'cached' if cached else 'uncached'}", []).append(
                    taken
                )
    found: dict[str, Any] = {name: spread(values) for name, values in seconds.items()}
    found["weight_bytes"] = size_bytes
    if device.type == "cuda":
        here = torch.empty(COPIED_BYTES, dtype=torch.uint8, pin_memory=True)
        rate = COPIED_BYTES / min(_seconds(lambda: here.to(device), device) for _ in range(5))
        found["link_gb_per_second"] = rate / 1e9
        found["link_seconds"] = size_bytes / rate
    return found


def _prepare(file: Path, cached: bool) -> None:
    """Its pages in the page cache, or none of them."""
    with file.open("rb") as stream:
        if cached:
            while stream.read(1 << 24):
                pass
        else:
            os.fsync(stream.fileno())
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _seconds(do: Callable[[], Any], device: torch.device) -> float:
    start = time.perf_counter()
    result = do()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    taken = time.perf_counter() - start
    del result
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    return taken


if __name__ == "__main__":
    sys.exit(main())
