"""What is asked: prompts and answers as long as those of Azure's traces, smaller in proportion."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from evaluations import traces

LEAST_PROMPT_TOKENS, LEAST_NEW_TOKENS = 16, 2
LONG = 0.95
"""The quantile of the trace's lengths that becomes the greatest here."""


class Question(NamedTuple):
    after_seconds: float
    """Since the answer before it on the same connection."""
    prompt_tokens: int
    new_tokens: int


def questions(
    count: int, most_prompt_tokens: int, most_new_tokens: int, gap_seconds: float, seed: int
) -> list[Question]:
    """Prompt and answer are of one request of the trace; without the trace they are lognormal ones
    like those. Gaps are exponential."""
    random = np.random.default_rng(seed)
    seen = traces.requests()
    if not len(seen):
        seen = np.exp(random.normal((6.8, 4.3), (1.0, 1.2), (1000, 2))).astype(np.int64)
    drawn = random.choice(seen, count)
    most = np.array([most_prompt_tokens, most_new_tokens])
    scaled = np.ceil(drawn * (most / np.quantile(seen, LONG, axis=0)))
    clipped = np.clip(scaled, (LEAST_PROMPT_TOKENS, LEAST_NEW_TOKENS), most).astype(int)
    gaps = random.exponential(gap_seconds, count)
    return [
        Question(float(gap), int(prompt), int(new))
        for gap, (prompt, new) in zip(gaps, clipped, strict=True)
    ]


def origin() -> str:
    return "Azure's traces" if len(traces.requests()) else "a lognormal distribution"
