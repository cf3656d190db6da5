"""What is measured: models by their shape, prefixes, and numbers of items."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

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
    """One comparison. The slow ways see ``slow_items`` of the ``items`` only: theirs is a rate of
    its own. ``checked`` items are compared with one plain pass per label."""

    kind: Literal["verification", "generation"]
    shape: str
    dtype: str
    items: int
    slow_items: int
    rounds: int
    prefix_tokens: int = 0
    checked: int = 0
    static_batches: tuple[int, ...] = (8, 16)
    most_new_tokens: int = 128

    @property
    def name(self) -> str:
        prefix = f", prefix {self.prefix_tokens}" if self.kind == "verification" else ""
        return f"{self.kind}, {self.shape} {self.dtype}{prefix}"


_VERIFY = Plan("verification", "135M", "float32", items=128, slow_items=4, rounds=3, checked=16)
_GENERATE = Plan("generation", "135M", "float32", items=48, slow_items=48, rounds=3)

FULL = (
    *(
        replace(_VERIFY, dtype=dtype, prefix_tokens=prefix)
        for dtype in ("float32", "bfloat16")
        for prefix in (128, 512, 2048)
    ),
    replace(_VERIFY, shape="small", prefix_tokens=512, items=512, slow_items=16, checked=256),
    _GENERATE,
    replace(_GENERATE, shape="small"),
)
_SMALL: dict[str, Any] = {"shape": "tiny", "items": 12, "slow_items": 2, "rounds": 1}
QUICK = (
    replace(_VERIFY, **_SMALL, prefix_tokens=64, checked=4, static_batches=(4,)),
    replace(_GENERATE, **_SMALL, static_batches=(4,), most_new_tokens=8),
)
