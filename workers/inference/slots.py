"""A fixed number of rows that decode together, each at its own position.

Keys and values live in buffers of a fixed length. A slot that becomes free takes the next item; a
slot without an item decodes a dummy that nobody sees.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer

from workers.inference.continuation import Continuation


class SlotLayer(DynamicLayer):  # type: ignore[misc]  # a base without types
    """Keys and values [slots, heads, length, dim]; an update writes one token per slot."""

    def __init__(self, positions: torch.Tensor, length: int) -> None:
        super().__init__()
        self._positions, self._length = positions, length

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        self.dtype, self.device = key_states.dtype, key_states.device
        slots = len(self._positions)
        for name, states in (("keys", key_states), ("values", value_states)):
            _, heads, _, dim = states.shape
            setattr(self, name, states.new_zeros(slots, heads, self._length, dim))
        self.is_initialized = True

    def put(self, slot: int, keys: torch.Tensor, values: torch.Tensor) -> None:
        """Set the beginning of a slot to the state of a prompt [1, heads, tokens, dim]."""
        if not self.is_initialized:
            self.lazy_initialization(keys, values)
        self.keys[slot, :, : keys.shape[2]] = keys[0]
        self.values[slot, :, : values.shape[2]] = values[0]

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        slots = torch.arange(len(self._positions), device=self.keys.device)
        self.keys[slots, :, self._positions] = key_states[:, :, 0]
        self.values[slots, :, self._positions] = value_states[:, :, 0]
        return self.keys, self.values


class Slots:
    """``count`` slots of ``length_tokens`` each, for the items of one length class."""

    def __init__(self, model: Any, count: int, length_tokens: int) -> None:
        self._model, self._length = model, length_tokens
        self._positions = torch.zeros(count, dtype=torch.long, device=model.device)
        self._layers: list[SlotLayer] = []
        self._members: list[Continuation | None] = [None] * count

    @property
    def free(self) -> int | None:
        """A slot without an item."""
        return next((i for i, member in enumerate(self._members) if member is None), None)

    @property
    def busy(self) -> bool:
        return any(member is not None for member in self._members)

    @torch.inference_mode()
    def admit(self, slot: int, item: Continuation) -> None:
        """Compute the prompt, alone in its own length, and the first token of the answer."""
        state = DynamicCache()
        ids = torch.tensor([item.prompt], device=self._model.device)
        output = self._model(ids, past_key_values=state, use_cache=True, logits_to_keep=1)
        if not self._layers:
            self._layers = [SlotLayer(self._positions, self._length) for _ in state.layers]
        for layer, computed in zip(self._layers, state.layers, strict=True):
            layer.put(slot, computed.keys, computed.values)
        item.grow(output.logits[0, -1].float().cpu())
        self._members[slot] = item

    @torch.inference_mode()
    def step(self) -> None:
        """One more token for every item."""
        device, dtype = self._model.device, self._model.dtype
        tokens = [m.tokens[-1] if m and m.tokens else 0 for m in self._members]
        used = [len(m.prompt) + len(m.tokens) - 1 if m else 0 for m in self._members]
        self._positions.copy_(torch.tensor(used))
        hidden = torch.arange(self._length) > torch.tensor(used)[:, None]
        mask = torch.zeros(hidden.shape, dtype=dtype).masked_fill_(hidden, torch.finfo(dtype).min)
        logits = self._model(
            torch.tensor(tokens, device=device)[:, None],
            attention_mask=mask[:, None, None].to(device),
            position_ids=self._positions[:, None],
            past_key_values=Cache(layers=self._layers),
            use_cache=True,
        ).logits
        logits = logits[:, -1].float().cpu()
        for member, row in zip(self._members, logits, strict=True):
            if member is not None:
                member.grow(row)

    def release(self) -> list[Continuation]:
        """Take out the items that are finished."""
        finished = [m for m in self._members if m is not None and m.finish_reason]
        self._members = [None if m in finished else m for m in self._members]
        return finished
