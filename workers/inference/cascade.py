"""Passes whose attention is ours: rows that share a beginning attend to one copy of it.

A pass is made with `running`: while it lasts, every attention layer of the model calls the pass
instead of its own kernel. Models whose layers cannot be reached so, or ask for more than keys,
values and a scale, raise `NotOurs` and are served by their own code.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AttentionInterface

from workers.inference.attention import Inputs, Part, attend, attend_to_shared, merge
from workers.inference.prefix import LayerState, Prefix

NAME = "pcm_cascade"
EXTRAS = ("softcap", "s_aux", "sinks", "position_bias", "alibi", "head_mask")
"""What some models add to attention, and we do not know how to."""


class NotOurs(RuntimeError):
    """The model's attention cannot be replaced by ours."""


class Pass(ABC):
    """What stands in for attention during one forward pass."""

    def __init__(self) -> None:
        self.calls = 0
        """Of layers that asked it."""

    @abstractmethod
    def attend(self, layer: int, new: Inputs) -> torch.Tensor:
        """[rows, heads, tokens, dim] for a query of that shape, and this layer's new keys and
        values [rows, key heads, tokens, dim]."""


class PrefixPass(Pass):
    """One of rows that share a prefix."""

    def __init__(self, prefix: Prefix) -> None:
        super().__init__()
        self._prefix = prefix

    def attend(self, layer: int, new: Inputs) -> torch.Tensor:
        own = self.attend_to_own(layer, new)
        if not self._prefix.tokens:
            return own[0]
        shared = attend_to_shared(new.query, *self._prefix.layers[layer], new.scale)
        return merge(shared, own)

    @abstractmethod
    def attend_to_own(self, layer: int, new: Inputs) -> Part:
        """The same over what each row has behind the prefix."""


_current: ContextVar[Pass] = ContextVar("pass")


def _attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    if any(options.get(extra) is not None for extra in EXTRAS):
        raise NotOurs(f"{type(module).__name__} adds to its attention what we do not know")
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    layer = getattr(module, "layer_idx", None) or 0
    pass_ = _current.get()
    pass_.calls += 1
    out = pass_.attend(layer, Inputs(query, key, value, scale))
    return out.transpose(1, 2).contiguous(), None


AttentionInterface.register(NAME, _attention)


@contextmanager
def running(model: Any, pass_: Pass) -> Iterator[None]:
    """Let the model's attention be this pass. Raises NotOurs if no layer asked it."""
    before = model.config._attn_implementation
    token = _current.set(pass_)
    model.config._attn_implementation = NAME
    try:
        yield
    finally:
        model.config._attn_implementation = before
        _current.reset(token)
    if not pass_.calls:
        raise NotOurs(f"{type(model).__name__} does not take another attention")


def no_mask(model: Any) -> torch.Tensor:
    """What a model is given as mask so that it makes none: our attention knows who sees what."""
    return torch.zeros(1, 1, 1, 1, dtype=model.dtype, device=model.device)


@dataclass(frozen=True)
class Run:
    """``count`` neighbouring segments of ``width`` tokens each, from token ``start`` of a pass.

    ``bias`` [count, 1, width, width] says which of its tokens a segment's token sees; without it
    these are the tokens up to itself, or all if not ``causal``.
    """

    start: int
    count: int
    width: int
    bias: torch.Tensor | None = None
    causal: bool = True


class Packed(PrefixPass):
    """Many items one behind the other in a single row; each sees the prefix and itself.

    What no run covers is padding, whose attention is 0. With ``keep``, ``states`` holds each
    layer's new keys and values [1, key heads, tokens, dim] afterwards.
    """

    def __init__(self, prefix: Prefix, runs: Sequence[Run], *, keep: bool = False) -> None:
        super().__init__(prefix)
        self.states: list[LayerState] = []
        self._runs, self._keep = runs, keep

    def attend_to_own(self, layer: int, new: Inputs) -> Part:
        query, keys, values = new[:3]
        if self._keep:
            self.states.append((keys, values))
        heads, tokens = query.shape[1:3]
        out = query.new_zeros(1, heads, tokens, values.shape[-1])
        logs = torch.zeros(1, heads, tokens, device=query.device)
        groups = heads // keys.shape[1]
        if groups > 1:
            keys, values = (part.repeat_interleave(groups, 1) for part in (keys, values))
        for run in self._runs:
            own, own_logs = attend(
                Inputs(
                    _segments(query, run),
                    _segments(keys, run),
                    _segments(values, run),
                    new.scale,
                    run.bias,
                    run.causal and run.bias is None,
                )
            )
            end = run.start + run.count * run.width
            out[0, :, run.start : end] = own.transpose(0, 1).flatten(1, 2)
            logs[0, :, run.start : end] = own_logs.transpose(0, 1).flatten(1, 2)
        return out, logs


def _segments(part: torch.Tensor, run: Run) -> torch.Tensor:
    """The segments of a run [count, heads, width, dim]: a view."""
    heads, dim = part.shape[1], part.shape[3]
    within = part[0, :, run.start : run.start + run.count * run.width]
    return within.reshape(heads, run.count, run.width, dim).transpose(0, 1)
