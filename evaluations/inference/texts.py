"""Claims behind a long prompt, and lengths of generated answers."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from evaluations import traces
from evaluations.workloads import LABELS, PROMPT, claims

PLACE = "PCM_FEVER_CLAIMS"
"""The variable that names a file of claims in FEVER's format; else ``shared/data/fever`` beside the
checkout, else the project's own claims."""


def origins() -> dict[str, str]:
    """Whose claims and lengths these are."""
    return {
        "claims_from": "FEVER" if _fever() else "the demo",
        "lengths_from": "Azure's trace" if len(traces.requests()) else "a lognormal distribution",
    }


def claim_texts(count: int) -> list[str]:
    """Different claims, if there are as many."""
    file = _fever()
    if file is None:
        return [row["claim"] for row in claims(count)]
    with file.open(encoding="utf-8") as lines:
        known = [json.loads(line)["claim"] for line in lines]
    return list(itertools.islice(itertools.cycle(known), count))


def prompt(tokens: int, count_tokens: Callable[[str], int]) -> tuple[str, str]:
    """What stands before and after each claim: the app's prompt, lengthened by examples until what
    stands before has about so many tokens."""
    before, after = PROMPT.read_text(encoding="utf-8").rstrip("\n").split("{claim}")
    instruction, opening = before.rsplit("\n\n", 1)
    examples = claim_texts(4000)[2000:]
    text = instruction
    for example, label in zip(examples, itertools.cycle(LABELS), strict=False):
        longer = f"{text}\n\n{opening}{example}{after}{label}"
        if count_tokens(f"{longer}\n\n{opening}") > tokens:
            break
        text = longer
    return f"{text}\n\n{opening}", after


def answer_lengths(count: int, most: int) -> list[int]:
    """As in the conversations of Azure's trace, scaled so that one in a hundred would be longer
    than ``most`` tokens and is cut; without the trace lognormal ones like it."""
    seen = traces.requests()
    random = np.random.default_rng(0)
    drawn = random.choice(seen[:, 1], count) if len(seen) else random.lognormal(4.3, 0.9, count)
    long = np.quantile(seen[:, 1] if len(seen) else drawn, 0.99)
    return [int(length) for length in np.clip(np.ceil(drawn * most / long), 1, most)]


def _fever() -> Path | None:
    beside = Path(__file__).parents[3] / "shared" / "data" / "fever" / "dev-half.jsonl"
    file = Path(os.environ.get(PLACE, beside))
    return file if file.is_file() else None
