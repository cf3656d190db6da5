"""How the next token is picked, for each item by its own settings and its own random stream."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from workers.inference.base import Form


@dataclass(frozen=True)
class Sampling:
    """The settings of one item. Raises ValueError for values out of range."""

    max_new_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    form: Form | None = None

    def __post_init__(self) -> None:
        if self.max_new_tokens < 1:
            raise ValueError(f"max_new_tokens must be at least 1, not {self.max_new_tokens}")
        if not 0 <= self.temperature < float("inf"):
            raise ValueError(f"temperature must be 0 or a positive number, not {self.temperature}")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must be above 0 and at most 1, not {self.top_p}")
        if "" in self.stop:
            raise ValueError("a stop string must not be empty")


def per_item(count: int, stop: Sequence[Any], **settings: Any) -> list[Sampling | ValueError]:
    """The settings of each of ``count`` items; an invalid one is that item's ValueError.

    Raises ValueError if a sequence of settings has another length than ``count``.
    """
    stops: list[Any] = [stop] * count if all(isinstance(s, str) for s in stop) else list(stop)
    columns = {name: _column(value, count) for name, value in settings.items()} | {"stop": stops}
    for name, column in columns.items():
        if len(column) != count:
            raise ValueError(f"{name} has {len(column)} values for {count} items")
    samplings: list[Sampling | ValueError] = []
    for index in range(count):
        row = {name: column[index] for name, column in columns.items()}
        texts = (row["stop"],) if isinstance(row["stop"], str) else tuple(row["stop"])
        try:
            samplings.append(Sampling(**{**row, "stop": texts}))
        except ValueError as error:
            samplings.append(error)
    return samplings


def _column(value: Any, count: int) -> list[Any]:
    is_for_all = value is None or isinstance(value, int | float | Mapping)
    return [value] * count if is_for_all else list(value)


class Sampler:
    """Picks the tokens of one item."""

    def __init__(self, sampling: Sampling, prompt: Sequence[int]) -> None:
        self._temperature, self._top_p = sampling.temperature, sampling.top_p
        seed = _seed_of(prompt) if sampling.seed is None else sampling.seed
        self._generator = torch.Generator().manual_seed(seed % (1 << 63))

    def pick(self, logits: torch.Tensor) -> int:
        """The next token by its logits [vocabulary] (float32 on the CPU).

        Nucleus sampling (Holtzman et al. 2020): from the fewest most likely tokens whose
        probabilities at this temperature add up to at least ``top_p``.
        """
        if self._temperature == 0:
            return int(logits.argmax())
        probabilities = torch.softmax(logits / self._temperature, -1)
        if self._top_p < 1:
            ordered, order = probabilities.sort(descending=True, stable=True)
            kept = ordered.cumsum(-1) - ordered < self._top_p
            drawn = torch.multinomial(ordered * kept, 1, generator=self._generator)
            return int(order[drawn])
        return int(torch.multinomial(probabilities, 1, generator=self._generator))


def _seed_of(prompt: Sequence[int]) -> int:
    digest = hashlib.blake2b(repr(list(prompt)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")
