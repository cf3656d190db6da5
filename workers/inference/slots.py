"""A fixed number of rows that decode together, each at its own position.

All attend to one copy of their prefix, and each to its own keys and values in a buffer. A slot that
becomes free takes the next item; a slot without an item decodes a dummy that nobody sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from workers.inference.attention import attend, attend_to_shared, fold_heads, merge
from workers.inference.cascade import Packed, Run, no_mask, running
from workers.inference.continuation import Continuation
from workers.inference.prefix import LayerState, Prefix


class Step:
    """One token for every slot. ``used`` is the position in its buffer at which each slot writes,
    -1 for a slot without an item."""

    def __init__(self, prefix: Prefix, buffers: Sequence[LayerState], used: list[int]) -> None:
        self.calls = 0
        self._prefix, self._buffers, self._used = prefix, buffers, used
        self._on_cpu = buffers[0][0].device.type == "cpu"
        if not self._on_cpu:
            keys = buffers[0][0]
            self._places = torch.tensor(used, device=keys.device).clamp(min=0)
            self._rows = torch.arange(len(used), device=keys.device)
            hidden = torch.arange(keys.shape[2], device=keys.device) > self._places[:, None]
            bias = torch.zeros(hidden.shape, dtype=keys.dtype, device=keys.device)
            self._bias = bias.masked_fill_(hidden, float("-inf"))[:, None, None]

    def attend(
        self,
        layer: int,
        query: torch.Tensor,
        keys: torch.Tensor,
        values: torch.Tensor,
        scale: float,
    ) -> torch.Tensor:
        alone = self._each if self._on_cpu else self._together
        own = alone(query, keys, values, self._buffers[layer], scale)
        if not self._prefix.tokens:
            return own[0]
        return merge(attend_to_shared(query, *self._prefix.layers[layer], scale), own)

    def _each(
        self,
        query: torch.Tensor,
        keys: torch.Tensor,
        values: torch.Tensor,
        buffers: LayerState,
        scale: float,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Slot by slot over what it has, no more: on a CPU a call costs little, reading much."""
        count, heads, _, _ = query.shape
        out = query.new_zeros(count, heads, 1, values.shape[-1])
        logs = torch.zeros(count, heads, 1)
        folded = fold_heads(query, keys.shape[1])
        for slot, used in enumerate(self._used):
            if used < 0:
                continue
            buffers[0][slot, :, used] = keys[slot, :, 0]
            buffers[1][slot, :, used] = values[slot, :, 0]
            seen, their = (part[slot : slot + 1, :, : used + 1] for part in buffers)
            one, one_logs = attend(folded[slot : slot + 1], seen, their, scale)
            out[slot] = one.reshape(heads, 1, -1)
            logs[slot] = one_logs.reshape(heads, 1)
        return out, logs

    def _together(
        self,
        query: torch.Tensor,
        keys: torch.Tensor,
        values: torch.Tensor,
        buffers: LayerState,
        scale: float,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """All slots over the whole buffers, in one call."""
        buffers[0][self._rows, :, self._places] = keys[:, :, 0]
        buffers[1][self._rows, :, self._places] = values[:, :, 0]
        out, logs = attend(fold_heads(query, keys.shape[1]), *buffers, scale, bias=self._bias)
        count, heads = query.shape[:2]
        return out.reshape(count, heads, 1, -1), logs.reshape(count, heads, 1)


class Slots:
    """``count`` slots for items that begin with ``prefix`` and have up to ``length_tokens`` of
    their own."""

    def __init__(self, model: Any, prefix: Prefix, count: int, length_tokens: int) -> None:
        self._model, self._prefix, self._length = model, prefix, length_tokens
        self._buffers: list[LayerState] = []
        self._members: list[Continuation | None] = [None] * count

    @property
    def free(self) -> int | None:
        """A slot without an item."""
        return next((i for i, member in enumerate(self._members) if member is None), None)

    @property
    def members(self) -> list[Continuation]:
        return [member for member in self._members if member is not None]

    @torch.inference_mode()
    def admit(self, slot: int, item: Continuation) -> None:
        """Compute the prompt's own part, alone in its own length, and the answer's first token."""
        model, shared = self._model, len(self._prefix.tokens)
        own = torch.tensor([item.prompt[shared:]], device=model.device)
        tokens = own.shape[1]
        packed = Packed(self._prefix, [Run(0, 1, tokens)], keep=True)
        with running(model, packed):
            logits = model(
                own,
                attention_mask=no_mask(model),
                position_ids=torch.arange(shared, shared + tokens, device=model.device)[None],
                use_cache=False,
                logits_to_keep=1,
            ).logits
        if not self._buffers:
            self._buffers = [(self._buffer(k), self._buffer(v)) for k, v in packed.states]
        for buffers, states in zip(self._buffers, packed.states, strict=True):
            for buffer, state in zip(buffers, states, strict=True):
                buffer[slot, :, :tokens] = state[0]
        item.grow(logits[0, -1].float().cpu())
        self._members[slot] = item

    def _buffer(self, states: torch.Tensor) -> torch.Tensor:
        _, heads, _, dim = states.shape
        return states.new_zeros(len(self._members), heads, self._length, dim)

    @torch.inference_mode()
    def step(self) -> None:
        """One more token for every item."""
        model, shared = self._model, len(self._prefix.tokens)
        tokens = [m.tokens[-1] if m and m.tokens else 0 for m in self._members]
        used = [len(m.prompt) - shared + len(m.tokens) - 1 if m else -1 for m in self._members]
        positions = [shared + max(0, at) for at in used]
        with running(model, Step(self._prefix, self._buffers, used)):
            logits = model(
                torch.tensor(tokens, device=model.device)[:, None],
                attention_mask=no_mask(model),
                position_ids=torch.tensor(positions, device=model.device)[:, None],
                use_cache=False,
            ).logits
        logits = logits[:, -1].float().cpu()
        for member, row in zip(self._members, logits, strict=True):
            if member is not None:
                member.grow(row)

    def release(self) -> list[Continuation]:
        """Take out the items that are finished."""
        finished = [m for m in self.members if m.finish_reason]
        self._members = [None if m in finished else m for m in self._members]
        return finished
