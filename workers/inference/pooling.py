"""How an encoder's tokens become one vector, as the model's own files say."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

MODULES, POOLING, LENGTHS = "modules.json", "config.json", "sentence_bert_config.json"
KINDS = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}


@dataclass(frozen=True)
class Pooling:
    """``kind`` of the pooling, whether vectors are brought to length 1, and the most tokens of a
    text (None: what the model takes)."""

    kind: Literal["mean", "cls"] = "mean"
    normalised: bool = False
    most_tokens: int | None = None

    def pool(self, states: torch.Tensor) -> torch.Tensor:
        """The vector [dim] in float32 of a text's tokens [tokens, dim]."""
        states = states.float()
        vector = states[0] if self.kind == "cls" else states.mean(0)
        return torch.nn.functional.normalize(vector, dim=0) if self.normalised else vector


def read_pooling(directory: Path) -> Pooling:
    """From the files that sentence-transformers writes; mean pooling where there are none.

    Raises ValueError for a way of pooling that is neither mean nor cls, and for layers after the
    pooling other than normalisation.
    """
    modules = _read(directory / MODULES)
    if not modules:
        return Pooling()
    kinds = {module["type"].rsplit(".", 1)[-1]: module["path"] for module in modules}
    if others := set(kinds) - {"Transformer", "Pooling", "Normalize"}:
        raise ValueError(
            f"{directory} has layers after the encoder that are not supported: {sorted(others)}; "
            "use sentence-transformers in a context of your own"
        )
    chosen = _read(directory / kinds["Pooling"] / POOLING) if "Pooling" in kinds else {}
    modes = [name for name, on in chosen.items() if name.startswith("pooling_mode_") and on is True]
    named = chosen.get("pooling_mode")
    modes += [f"pooling_mode_{named}_tokens".replace("cls_tokens", "cls_token")] if named else []
    if len(modes) > 1 or any(mode not in KINDS for mode in modes):
        raise ValueError(
            f"{directory} pools by {', '.join(modes)}; only mean or cls is supported: use "
            "sentence-transformers in a context of your own"
        )
    kind: Literal["mean", "cls"] = "cls" if modes and KINDS[modes[0]] == "cls" else "mean"
    return Pooling(kind, "Normalize" in kinds, _read(directory / LENGTHS).get("max_seq_length"))


def _read(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
