"""How much is measured, fully or quickly."""

from __future__ import annotations

from dataclasses import dataclass, field

KINDS = {
    "float32 as stored": ("float32", "float32"),
    "bfloat16 as stored": ("bfloat16", "bfloat16"),
    "float32 from bfloat16": ("bfloat16", "float32"),
}
"""By name: the type that is stored, the type that is computed with."""


@dataclass(frozen=True)
class Plan:
    """The model's shape (135 million parameters, as SmolLM2-135M), and how often what is timed."""

    rounds: int = 3
    kinds: dict[str, tuple[str, str]] = field(default_factory=lambda: dict(KINDS))
    layers: int = 30
    hidden: int = 576
    tokens: int = 49_152


FULL = Plan()
QUICK = Plan(
    rounds=1,
    kinds={"float32 from bfloat16": KINDS["float32 from bfloat16"]},
    layers=3,
    hidden=64,
    tokens=1000,
)
