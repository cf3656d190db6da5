"""Texts as vectors, by an encoder that stays loaded.

Texts are packed one behind the other as in `choose`, each attending to itself alone, in shapes that
follow from the text: so a vector does not depend on the texts beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import groupby
from typing import Any

import torch

from workers.inference.cascade import Packed, Run, no_mask, running
from workers.inference.limits import NOT_FINITE, text_problem
from workers.inference.memory import Sizes
from workers.inference.offloading import Offloading
from workers.inference.order import in_order
from workers.inference.pooling import Pooling
from workers.inference.prefix import NOTHING
from workers.inference.rungs import ITEM_TOKENS, different_items, equal_rungs, halves
from workers.inference.shortened import shortened

PROBE = ([7, 5], [11, 13, 7], [5, 7, 9, 11, 5])
TOLERANCES = {torch.float32: 1e-4}
TOLERANCE_BELOW_FLOAT32 = 0.1


class ResidentEncoder:
    """``embed`` gives a vector per text: a list of floats, or a ValueError that says why not."""

    def __init__(self, model: Any, tokenizer: Any, pooling: Pooling, sizes: Sizes) -> None:
        self.model, self.tokenizer, self.pooling, self._sizes = model, tokenizer, pooling, sizes
        self._offloading = Offloading(model)
        limits = (pooling.most_tokens, self._positions, tokenizer.model_max_length)
        self.most_tokens = int(min(limit for limit in limits if limit))

    @property
    def _positions(self) -> int | None:
        """As many as the model has; some begin to count behind the padding token's id."""
        count = getattr(self.model.config, "max_position_embeddings", None)
        return count - max(self._offsets) if count else None

    @property
    def _offsets(self) -> tuple[int, ...]:
        """At which positions a text may begin, by the model's kind."""
        table = getattr(getattr(self.model, "embeddings", None), "position_embeddings", None)
        padding = getattr(table, "padding_idx", None)
        return (0,) if padding is None else (0, padding + 1)

    def embed(self, texts: Sequence[str]) -> Iterator[list[float] | ValueError]:
        """One vector per text, in the order of the texts. Texts longer than ``most_tokens`` are a
        ValueError: nothing is cut off silently."""
        return in_order(self._vectors(texts))

    def offload_to_host(self) -> None:
        """Leave the accelerator until ``return_to_device``; nothing may be asked in between. Errors
        are those of `workers.inference.offloading`."""
        self._offloading.offload()

    def return_to_device(self) -> None:
        """Be where it was before ``offload_to_host``, with the same vectors to the bit."""
        self._offloading.bring_back()

    def _vectors(self, texts: Sequence[str]) -> Iterator[tuple[int, list[float] | ValueError]]:
        rows: dict[int, list[int]] = {}
        for index, text in enumerate(texts):
            if problem := text_problem(text):
                yield index, problem
                continue
            row = self.tokenizer(text)["input_ids"]
            if 0 < len(row) <= self.most_tokens:
                rows[index] = row
            else:
                why = f"the text has {len(row)} tokens; the model takes 1 to {self.most_tokens}"
                yield index, ValueError(why)
        keys = list(rows)
        for at, states in self._states(list(rows.values())):
            vector = self.pooling.pool(states)
            finite = bool(vector.isfinite().all())
            yield keys[at], vector.tolist() if finite else ValueError(NOT_FINITE)

    def _states(self, rows: list[list[int]]) -> Iterator[tuple[int, torch.Tensor]]:
        offset = self._offset
        if offset is None:
            for index, row in enumerate(rows):
                yield index, self._alone(row)
            return
        self._sizes.prove_rungs(lambda tokens: self._rungs(tokens, offset))
        lengths = [len(row) for row in rows]
        for tokens, indices in self._sizes.packing.passes(lengths):
            members = sorted(indices, key=lambda index: lengths[index])
            parts = self._packed([rows[index] for index in members], tokens, offset)
            yield from zip(members, parts, strict=True)

    @cached_property
    def _offset(self) -> int | None:
        """Where positions begin in a packed pass that gives the model's own states, found out by
        trying; None: the model takes one text at a time."""
        plain = [self._alone(row) for row in PROBE]
        tolerance = TOLERANCES.get(self.model.dtype, TOLERANCE_BELOW_FLOAT32)
        for offset in self._offsets:
            try:
                packed = self._packed(PROBE, 32, offset)
            except (TypeError, ValueError, AttributeError, IndexError, RuntimeError):
                continue
            pairs = zip(plain, packed, strict=True)
            if all(torch.allclose(*pair, atol=tolerance) for pair in pairs):
                return offset
        return None

    def _rungs(self, tokens: int, offset: int) -> tuple[int, ...]:
        words = self.model.config.vocab_size

        def trial(size: int) -> torch.Tensor:
            items = different_items(size // ITEM_TOKENS, words)
            return torch.stack(self._packed(items, size, offset)).flatten(1)

        with shortened(self.model, fewer_tokens=False):
            return equal_rungs(tokens, halves(tokens), trial)

    @torch.inference_mode()
    def _alone(self, row: list[int]) -> torch.Tensor:
        ids = torch.tensor([row], device=self.model.device)
        states: torch.Tensor = self.model(ids).last_hidden_state[0]
        return states

    @torch.inference_mode()
    def _packed(self, rows: Sequence[list[int]], tokens: int, offset: int) -> list[torch.Tensor]:
        """The states [its tokens, dim] of each row; rows are sorted by length."""
        ids = [token for row in rows for token in row]
        positions = [offset + at for row in rows for at in range(len(row))]
        runs, start = [], 0
        for length, group in groupby(map(len, rows)):
            count = len(list(group))
            runs.append(Run(start, count, length, causal=False))
            start += count * length
        padding = [0] * (tokens - len(ids))
        columns = (ids + padding, positions + [offset] * len(padding))
        given, places = (torch.tensor([column], device=self.model.device) for column in columns)
        with running(self.model, Packed(NOTHING, runs)):
            states = self.model(
                given, attention_mask=no_mask(self.model), position_ids=places
            ).last_hidden_state[0]
        return list(states[: len(ids)].split([len(row) for row in rows]))
