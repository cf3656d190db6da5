"""Real decode on two ranks with gloo over loopback: the equal split beside the plan, in turns.

Both ways have the same model, budgets and cached states, and are asked for the same tokens; rounds
of a few steps go from one to the other, so what else the machine does meets both. A rank has one
thread. The states are seeded, not computed from prompts: how long a step takes does not depend on
them.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from evaluations.base import Target, at_least, spread
from evaluations.fairkv.profiles import profile_of

RANKS = 2
LAYERS = 2
HEADS = 8
ROW_TOKENS = 131072
"""Rows times the mean tokens that a head keeps: with shorter caches more rows decode together."""
QUERIES_PER_HEAD = 4
DIM = 64
HIDDEN = 128
"""Small, so that attention is most of a step, as it is with long contexts."""
STEPS = 4
HEAVY = 1.85
"""On skewed profiles half of the heads keep so many times the mean, the others the rest."""
PROFILED = "Llama-3.1-8B"
ATTENTION = "attention_milliseconds_by_rank"
DEADLINE_SECONDS = 600.0
SEED = 3


def measure(say: Callable[[str], None], rounds: int) -> tuple[dict[str, Any], list[Target]]:
    """Figures by case of so many rounds by turns, and targets."""
    figures: dict[str, Any] = {}
    targets: list[Target] = []
    for name, (kept, is_skewed) in cases().items():
        say(f"decoding on {RANKS} ranks: {name}")
        case = shape(kept, rounds)
        found = compared(case, run(case))
        figures[name] = found
        gain, reached = found["gain"]["median"], found["share_of_predicted_gain"]
        if is_skewed:
            targets.append(at_least(f"decode, {name}: times the equal split", gain, 1.5))
        targets.append(at_least(f"decode, {name}: of the predicted gain", reached, 0.9))
        same = float(found["same_tokens"])
        targets.append(at_least(f"decode, {name}: the same tokens by both plans", same, 1))
    return figures, targets


def cases() -> dict[str, tuple[list[list[int]], bool]]:
    """Tokens that are kept by layer and head, and whether the profile is one of the skewed."""
    found: dict[str, tuple[list[list[int]], bool]] = {}
    for mean in (512, 1024, 2048):
        layer = [round(mean * HEAVY)] * (HEADS // 2) + [round(mean * (2 - HEAVY))] * (HEADS // 2)
        # Each rank has the heavy heads of every second layer: in all they have the same to do.
        sides = [layer if number % 2 else layer[::-1] for number in range(LAYERS)]
        found[f"skewed, heavy heads together, {mean} tokens"] = (sides, True)
    mixed = random.Random(SEED)
    shuffled = [mixed.sample(row, len(row)) for row in sides]
    found["heavy heads at random, 2048 tokens"] = (shuffled, False)
    kept = profile_of(PROFILED, 1024).kept[:LAYERS]
    rounded = [[round(tokens) for tokens in layer] for layer in kept]
    found[f"profile of {PROFILED}, 1024 tokens"] = (rounded, False)
    return found


def shape(kept: list[list[int]], rounds: int) -> dict[str, Any]:
    """All that a rank is told."""
    return {
        "kept": kept,
        "rows": round(ROW_TOKENS / statistics.mean(map(statistics.mean, kept))),
        "queries_per_head": QUERIES_PER_HEAD,
        "dim": DIM,
        "hidden": HIDDEN,
        "steps": STEPS,
        "rounds": rounds,
    }


def compared(case: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """What the rounds of all ranks say about a case."""
    slowest = {
        method: sum(max(ranks) for ranks in layers) for method, layers in found["loads"].items()
    }
    predicted = slowest["equal"] / slowest["copied"]
    first = found["rounds"][0]
    pairs = zip(first["equal"], first["copied"], strict=True)
    gains = [sum(equal["step_seconds"]) / sum(copied["step_seconds"]) for equal, copied in pairs]
    gain = statistics.median(gains)
    undisturbed = min(_steps(first["equal"])) / min(_steps(first["copied"]))
    ways = {method: _way(found, method, case["rows"]) for method in ("equal", "copied")}
    attention = {method: sum(way[ATTENTION]) for method, way in ways.items()}
    return {
        "rows": case["rows"],
        "predicted_gain": predicted,
        "gain": spread(gains),
        "share_of_predicted_gain": (gain - 1) / (predicted - 1),
        "gain_to_predicted": gain / predicted,
        "gain_of_fastest_steps": undisturbed,
        "share_of_predicted_gain_of_fastest_steps": (undisturbed - 1) / (predicted - 1),
        "copies": found["copies"],
        "same_tokens": found["same_tokens"],
        # The same attention in all takes so much longer where both ranks are busy with it at once.
        "attention_slowed_by_each_other": attention["copied"] / attention["equal"],
        "sum_alone_milliseconds": _deciles([each * 1e3 for each in found["sum_seconds"]]),
        **ways,
    }


def _way(found: dict[str, Any], method: str, rows: int) -> dict[str, Any]:
    seconds = statistics.median(_steps(found["rounds"][0][method]))
    attention, exchanges = (
        [statistics.median(_steps(rank[method], what)) for rank in found["rounds"]]
        for what in ("attention_seconds", "exchange_seconds")
    )
    return {
        "tokens_per_second": rows / seconds,
        "step_milliseconds": seconds * 1e3,
        ATTENTION: [value * 1e3 for value in attention],
        "utilisation_by_loads": _utilisation(found["loads"][method]),
        # Of a step: projections, feed-forward, sampling, and exchanges.
        "share_not_attention": 1 - statistics.mean(attention) / seconds,
        # Sums over ranks and the logits' parts, mostly waiting for the other rank.
        "share_exchanging": statistics.mean(exchanges) / seconds,
    }


def _deciles(values: list[float]) -> dict[str, float]:
    tenths = statistics.quantiles(values, n=10)
    return {"p50": tenths[4], "p90": tenths[8]}


def _steps(rounds: list[dict[str, list[float]]], what: str = "step_seconds") -> list[float]:
    return [seconds for one in rounds for seconds in one[what]]


def _utilisation(loads: list[list[float]]) -> float:
    return sum(map(statistics.mean, loads)) / sum(map(max, loads))


def run(case: dict[str, Any]) -> dict[str, Any]:
    """What rank 0 wrote. Raises RuntimeError if a rank fails or does not end."""
    with tempfile.TemporaryDirectory(prefix="pcm-fairkv-") as name:
        ranks: list[subprocess.Popen[bytes]] = []
        Path(name, "case").write_text(json.dumps(case), encoding="utf-8")
        try:
            for rank in range(RANKS):
                ranks.append(_started(Path(name), rank))
            deadline = time.monotonic() + DEADLINE_SECONDS
            for rank, process in enumerate(ranks):
                if process.wait(deadline - time.monotonic()):
                    log = Path(name, f"log.{rank}").read_text(encoding="utf-8", errors="replace")
                    raise RuntimeError(f"rank {rank} ended with {process.returncode}:\n{log}")
        except subprocess.TimeoutExpired as error:
            raise RuntimeError(f"the ranks did not end in {DEADLINE_SECONDS:g} s") from error
        finally:
            for process in ranks:
                if process.poll() is None:
                    process.kill()
                process.wait()
        found: dict[str, Any] = json.loads(Path(name, "found.0").read_text(encoding="utf-8"))
        return found


def _started(directory: Path, rank: int) -> subprocess.Popen[bytes]:
    own = {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(RANKS),
        "PCM_RENDEZVOUS": str(directory / "rendezvous"),
        "GLOO_SOCKET_IFNAME": "lo",
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
    }
    with (
        (directory / "case").open("rb") as case,
        (directory / f"found.{rank}").open("wb") as found,
        (directory / f"log.{rank}").open("wb") as log,
    ):
        return subprocess.Popen(
            [sys.executable, "-m", "evaluations.fairkv.decoding_rank"],
            cwd=Path(__file__).parents[2],
            env={**os.environ, **own},
            stdin=case,
            stdout=found,
            stderr=log,
        )
