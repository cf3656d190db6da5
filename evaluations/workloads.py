"""Contexts and tasks that evaluations share."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pcm

DEMO = Path(__file__).parents[1] / "apps" / "fact_verification" / "demo"
PROMPT = Path(__file__).parents[1] / "apps" / "fact_verification" / "prompts" / "default.txt"
LABELS = (" SUPPORTS", " REFUTES", " NOT ENOUGH INFO")


@pcm.context
def nothing() -> None:
    """A context that costs nothing: what remains is pcm itself."""


@pcm.task
def echo(_: Any, items: Sequence[Any]) -> list[Any]:
    """Give every item back."""
    return list(items)


@pcm.task
def sleep(_: Any, items: Sequence[float]) -> Iterator[float]:
    """Take the given seconds for every item."""
    for seconds in items:
        time.sleep(seconds)
        yield seconds


@pcm.task
def choose(llm: Any, items: Sequence[dict[str, Any]], prompt: str) -> Iterator[str]:
    """The most likely label of every claim."""
    prefix, rest = prompt.split("{claim}")
    for choice in llm.choose([item["claim"] + rest for item in items], LABELS, prefix=prefix):
        yield choice.label


def verify_claims() -> pcm.Task:
    return choose.bind(prompt=PROMPT.read_text(encoding="utf-8").rstrip("\n"))


def model_context() -> pcm.Recipe:
    """The small model that the project brings, loaded as any other."""
    return pcm.language_model(str(DEMO / "model"))


def claims(count: int) -> list[dict[str, Any]]:
    """The project's own claims, again and again under new ids if more are wanted."""
    with open(DEMO / "claims.jsonl", encoding="utf-8") as file:
        known = [json.loads(line)["claim"] for line in file]
    texts = itertools.islice(itertools.cycle(known), count)
    return [{"id": number, "claim": text} for number, text in enumerate(texts)]
