"""How much is measured, fully or quickly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Way = Literal["host", "disk", "cold"]
WAYS: tuple[Way, ...] = ("host", "disk", "cold")
"""Where a context goes when it gives up its place: to host memory; away, its files in the page
cache; away, its files not in the page cache."""


@dataclass(frozen=True)
class Kind:
    """How weights are stored and computed with, and how many contexts take turns."""

    stored: Literal["float32", "bfloat16"]
    dtype: Literal["float32", "bfloat16"]
    contexts: int

    @property
    def name(self) -> str:
        return f"{self.dtype} from {self.stored}, {self.contexts} contexts"

    @property
    def is_mapped(self) -> bool:
        """Whether a CPU uses the weights as they lie in their files."""
        return self.stored == self.dtype


@dataclass(frozen=True)
class Plan:
    """The model's shape (135 million parameters, as SmolLM2-135M), and how often what is timed."""

    kinds: tuple[Kind, ...] = (
        Kind("float32", "float32", 2),
        Kind("float32", "float32", 4),
        Kind("bfloat16", "bfloat16", 2),
        Kind("bfloat16", "float32", 2),
    )
    rounds: int = 5
    layers: int = 30
    hidden: int = 576
    tokens: int = 49_152


FULL = Plan()
QUICK = Plan(kinds=(Kind("float32", "float32", 2),), rounds=1, layers=3, hidden=64, tokens=1000)
