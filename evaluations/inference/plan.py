"""What is measured: models by their shape, prefixes, and numbers of items."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

SHAPES: dict[str, dict[str, int]] = {
    "135M": {
        "vocab_size": 49152,
        "hidden_size": 576,
        "intermediate_size": 1536,
        "num_hidden_layers": 30,
        "num_attention_heads": 9,
        "num_key_value_heads": 3,
    },
    "small": {
        "vocab_size": 8192,
        "hidden_size": 256,
        "intermediate_size": 768,
        "num_hidden_layers": 8,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
    },
    "tiny": {
        "vocab_size": 2048,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
    },
}
"""Of Llama models. 135M is SmolLM2-135M's."""


@dataclass(frozen=True)
class Plan:
    """One comparison. The slow ways of verification see ``slow_items`` of the ``items`` only:
    theirs is a rate of its own. ``checked`` items are compared with plain transformers."""

    kind: Literal["verification", "generation"]
    shape: str
    dtype: str
    items: int
    rounds: int
    checked: int
    static_batches: tuple[int, ...]
    slow_items: int = 0
    prefix_tokens: int = 0
    most_new_tokens: int = 0

    @property
    def name(self) -> str:
        prefix = f", prefix {self.prefix_tokens}" if self.kind == "verification" else ""
        return f"{self.kind}, {self.shape} {self.dtype}{prefix}"


def _verify(
    shape: str, dtype: str, prefix_tokens: int, items: int, slow_items: int, checked: int
) -> Plan:
    """What takes longest of a long prompt sees fewest items."""
    return Plan(
        "verification",
        shape,
        dtype,
        items,
        rounds=2,
        checked=checked,
        static_batches=(slow_items, 2 * slow_items),
        slow_items=slow_items,
        prefix_tokens=prefix_tokens,
    )


_GENERATE = Plan(
    "generation",
    "135M",
    "float32",
    items=32,
    rounds=2,
    checked=4,
    static_batches=(8, 16),
    most_new_tokens=64,
)

FULL = (
    _verify("135M", "float32", 128, items=64, slow_items=4, checked=24),
    _verify("135M", "float32", 512, items=64, slow_items=4, checked=16),
    _verify("135M", "float32", 2048, items=64, slow_items=2, checked=4),
    _verify("135M", "bfloat16", 128, items=96, slow_items=4, checked=24),
    _verify("135M", "bfloat16", 512, items=96, slow_items=4, checked=12),
    _verify("135M", "bfloat16", 2048, items=96, slow_items=2, checked=4),
    _verify("small", "float32", 128, items=256, slow_items=8, checked=128),
    _verify("small", "float32", 512, items=256, slow_items=8, checked=32),
    _verify("small", "float32", 2048, items=256, slow_items=4, checked=16),
    _verify("small", "bfloat16", 128, items=256, slow_items=8, checked=32),
    _verify("small", "bfloat16", 512, items=256, slow_items=8, checked=32),
    _verify("small", "bfloat16", 2048, items=256, slow_items=4, checked=8),
    _GENERATE,
    replace(_GENERATE, dtype="bfloat16"),
    replace(_GENERATE, shape="small", items=64),
    replace(_GENERATE, shape="small", dtype="bfloat16", items=64),
)
QUICK = (
    _verify("tiny", "float32", 64, items=12, slow_items=2, checked=4),
    replace(_GENERATE, shape="tiny", items=12, rounds=1, static_batches=(4,), most_new_tokens=8),
)
