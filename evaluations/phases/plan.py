"""How much is measured, fully or quickly."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Condition:
    """Requests come over ``connections``, on each one after the other, so many of them."""

    name: str
    connections: int
    requests: int
    header: bool = False
    """The head of the answer is sent as soon as the request is there, as HTTP servers do, and not
    with the first token."""
    tokens_per_message: int = 1
    """From the second token on. The first is sent at once, and what is left at the end."""
    bulk: bool = False
    """Other connections fill the cable both ways."""


@dataclass(frozen=True)
class Shape:
    """Of a model that is made for this, with weights of chance."""

    layers: int
    hidden: int
    tokens: int


@dataclass(frozen=True)
class Plan:
    conditions: tuple[Condition, ...]
    shape: Shape | None
    """None: the model that the project brings."""
    most_prompt_tokens: int
    most_new_tokens: int
    gap_seconds: float = 0.2
    """Mean of the time between an answer's end and the next request on its connection."""
    cable_bits_per_second: int = 400_000_000
    cable_queue_seconds: float = 0.004
    """Where bulk traffic fills it: what it carries, and how long packets wait at most."""


FULL = Plan(
    conditions=(
        Condition("one at a time", 1, 16),
        Condition("four at once", 4, 6),
        Condition("header first", 4, 6, header=True),
        Condition("four tokens per message", 4, 6, header=True, tokens_per_message=4),
        Condition("bulk traffic beside", 4, 6, bulk=True),
    ),
    shape=Shape(layers=6, hidden=256, tokens=4096),
    most_prompt_tokens=512,
    most_new_tokens=48,
)
QUICK = Plan(
    conditions=(
        Condition("one at a time", 1, 3),
        Condition("bulk traffic beside", 2, 3, bulk=True),
    ),
    shape=None,
    most_prompt_tokens=512,
    most_new_tokens=32,
    gap_seconds=0.05,
)
