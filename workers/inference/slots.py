"""A fixed number of rows that decode together, each at its own position.

All attend to one copy of their prefix, and each to its own keys and values in a buffer. A slot that
becomes free takes the next item; a slot without an item decodes a dummy that nobody sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from workers.inference.attention import Inputs, Part, attend, fold_heads
from workers.inference.cascade import Packed, Pass, Run, no_mask, running
from workers.inference.continuation import Continuation
from workers.inference.prefix import LayerState, Prefix


class Step(Pass):
    """One token for every slot. ``places`` are the positions in the buffers at which the slots
    write; 0 for a slot without an item."""

    def __init__(self, prefix: Prefix, buffers: Sequence[LayerState], places: list[int]) -> None:
        super().__init__(prefix)
        device = buffers[0][0].device
        self._buffers = buffers
        self._on_cpu = device.type == "cpu"
        self._lengths = [place + 1 for place in places]
        self._places = torch.tensor(places, device=device)
        self._rows = torch.arange(len(places), device=device)
        if not self._on_cpu:
            keys = buffers[0][0]
            hidden = torch.arange(keys.shape[2], device=device) > self._places[:, None]
            bias = torch.zeros(hidden.shape, dtype=keys.dtype, device=device)
            self._bias = bias.masked_fill_(hidden, float("-inf"))[:, None, None]

    def attend_to_own(self, layer: int, new: Inputs) -> Part:
        buffers = self._buffers[layer]
        buffers[0][self._rows, :, self._places] = new.keys[:, :, 0]
        buffers[1][self._rows, :, self._places] = new.values[:, :, 0]
        whole = Inputs(fold_heads(new.query, new.keys.shape[1]), *buffers, new.scale)
        alone = self._each if self._on_cpu else self._together
        out, logs = alone(whole)
        count, heads = new.query.shape[:2]
        return out.reshape(count, heads, 1, -1), logs.reshape(count, heads, 1)

    def _each(self, whole: Inputs) -> Part:
        """Slot by slot over what it has, no more: on a CPU a call costs little, reading much."""
        count = len(self._lengths)
        slots = (part.chunk(count) for part in (whole.query, whole.keys, whole.values))
        rows = zip(*slots, self._lengths, strict=True)
        parts = [
            attend(Inputs(one, keys[:, :, :length], values[:, :, :length], whole.scale))
            for one, keys, values, length in rows
        ]
        outs, logs = zip(*parts, strict=True)
        return torch.cat(outs), torch.cat(logs)

    def _together(self, whole: Inputs) -> Part:
        """All slots over the whole buffers, in one call."""
        return attend(whole._replace(bias=self._bias))


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
        places = [len(m.prompt) - shared + len(m.tokens) - 1 if m else 0 for m in self._members]
        positions = [shared + place for place in places]
        with running(model, Step(self._prefix, self._buffers, places)):
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
