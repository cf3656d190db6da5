"""Rows that decode together, each at its own position.

All attend to one copy of their prefix, and each to its own keys and values in a buffer. Items stand
in the first rows; a step takes as few rows as are proved to give the bits of all, and the rest of
these decode a dummy that nobody sees.

On a GPU the shapes of a step follow from the number of rows alone: the dummies attend as well, each
row to the whole width of the buffers. So steps can be recorded (`workers.inference.graphs`).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch

from workers.inference.attention import Inputs, Part, attend, fold_heads
from workers.inference.cascade import PrefixPass, no_mask, running
from workers.inference.continuation import Continuation
from workers.inference.graphs import Recorder, Replayed, Verdict
from workers.inference.ladder import Ladder
from workers.inference.next_tokens import grow_all
from workers.inference.prefix import LayerState, Prefix
from workers.inference.prompts import Begun

WIDTH_UNIT_TOKENS = 64
"""An item attends to its own part in a width that is a multiple of this: so neighbours of the same
width need one call, whose shape per item follows from the item."""


class Step(PrefixPass):
    """One token for every row. ``places`` are the positions in the buffers at which the first rows
    write, ``widths`` how much each of these attends to; the others have no item. What buffers hold
    behind the places must be finite."""

    def __init__(
        self,
        prefix: Prefix,
        buffers: Sequence[LayerState],
        places: torch.Tensor,
        widths: list[int],
    ) -> None:
        super().__init__(prefix)
        keys = buffers[0][0]
        device, longest = keys.device, keys.shape[2]
        self._buffers, self._places = buffers, places
        self._rows = torch.arange(len(places), device=device)
        hidden = torch.arange(longest, device=device) > self._places[:, None]
        bias = torch.zeros(hidden.shape, dtype=keys.dtype, device=device)
        self._bias = bias.masked_fill_(hidden, float("-inf"))[:, None, None]
        ends = itertools.accumulate(len(list(same)) for _, same in itertools.groupby(widths))
        self._runs = [
            (slice(start, end), widths[start]) for start, end in itertools.pairwise((0, *ends))
        ]

    def attend_to_own(self, layer: int, new: Inputs) -> Part:
        items = len(self._places)
        keys, values = self._buffers[layer]
        keys[self._rows, :, self._places] = new.keys[:items, :, 0]
        values[self._rows, :, self._places] = new.values[:items, :, 0]
        count, heads = new.query.shape[:2]
        query = fold_heads(new.query, keys.shape[1])
        parts = [
            attend(
                Inputs(
                    query[rows],
                    keys[rows, :, :width],
                    values[rows, :, :width],
                    new.scale,
                    self._bias[rows, ..., :width],
                )
            )
            for rows, width in self._runs
        ]
        if items < count:
            unused = values.new_zeros(*query[items:].shape[:3], values.shape[-1])
            parts.append((unused, unused[..., 0].float()))
        out, logs = (
            torch.cat(column) if len(parts) > 1 else column[0]
            for column in zip(*parts, strict=True)
        )
        return out.reshape(count, heads, 1, -1), logs.reshape(count, heads, 1)


def _width(length: int) -> int:
    return -(-length // WIDTH_UNIT_TOKENS) * WIDTH_UNIT_TOKENS


@torch.inference_mode()
def decode(
    model: Any,
    prefix: Prefix,
    buffers: Sequence[LayerState],
    tokens: Sequence[int],
    places: list[int],
) -> torch.Tensor:
    """Logits [items, vocabulary] behind the last ``tokens`` of the items, whose keys and values are
    written at their ``places`` in the first of the buffers [rows, key heads, tokens, dim]."""
    rows, longest = buffers[0][0].shape[0], buffers[0][0].shape[2]
    given = inputs(rows, tokens, places).to(model.device)
    if model.device.type != "cpu":
        return decode_rows(model, prefix, buffers, given)[: len(tokens)]
    # A call costs little there, reading much.
    widths = [min(_width(place + 1), longest) for place in places]
    step = Step(prefix, buffers, given[1, : len(places)], widths)
    return _logits(model, step, given, len(prefix.tokens))[: len(tokens)]


@torch.inference_mode()
def decode_rows(
    model: Any, prefix: Prefix, buffers: Sequence[LayerState], given: torch.Tensor
) -> torch.Tensor:
    """The same for all rows, by `inputs`: nothing in it depends on how many have an item."""
    rows, longest = buffers[0][0].shape[0], buffers[0][0].shape[2]
    step = Step(prefix, buffers, given[1], [longest] * rows)
    return _logits(model, step, given, len(prefix.tokens))


def inputs(rows: int, tokens: Sequence[int], places: Sequence[int]) -> torch.Tensor:
    """[2, rows]: each row's token and place, both 0 where there is no item."""
    unused = [0] * (rows - len(tokens))
    return torch.tensor([[*tokens, *unused], [*places, *unused]])


def _logits(model: Any, step: Step, given: torch.Tensor, shared: int) -> torch.Tensor:
    """[rows, vocabulary]"""
    tokens, places = given
    with running(model, step):
        logits: torch.Tensor = model(
            tokens[:, None],
            attention_mask=no_mask(model),
            position_ids=places[:, None] + shared,
            use_cache=False,
        ).logits
    return logits[:, -1]


class Slots:
    """Room for items that begin with ``prefix`` and have up to ``length_tokens`` of their own: as
    many as the ladder has rows. With a recorder steps are replayed, where the verdict is for it."""

    def __init__(
        self,
        model: Any,
        prefix: Prefix,
        ladder: Ladder,
        length_tokens: int,
        recorder: Recorder | None = None,
        verdict: Verdict | None = None,
    ) -> None:
        self.members: list[Continuation] = []
        self._model, self._prefix = model, prefix
        self._ladder = ladder if recorder is None else ladder.halving()
        self._length = length_tokens
        self._buffers: list[LayerState] = []
        self._recorder, self._verdict = recorder, verdict or Verdict()
        self._steps: dict[int, Replayed] = {}
        """By their number of rows."""

    @property
    def full(self) -> bool:
        return len(self.members) == self._ladder.most

    @torch.inference_mode()
    def admit(self, begun: Begun) -> None:
        """Take in an item whose prompt is computed. Only if not `full`."""
        if not self._buffers:
            self._buffers = [(self._buffer(k), self._buffer(v)) for k, v in begun.states]
        row = len(self.members)
        for buffers, states in zip(self._buffers, begun.states, strict=True):
            for buffer, state in zip(buffers, states, strict=True):
                buffer[row, :, : state.shape[1]] = state
        self.members.append(begun.item)

    def _buffer(self, states: torch.Tensor) -> torch.Tensor:
        heads, _, dim = states.shape
        return states.new_zeros(self._ladder.most, heads, self._length, dim)

    def step(self) -> None:
        """One more token for every item."""
        rows = self._ladder.least(len(self.members))
        tokens = [item.tokens[-1] for item in self.members]
        places = [self._length_of(item) - 1 for item in self.members]
        grow_all(self.members, self._decode(rows, tokens, places))

    def _decode(self, rows: int, tokens: list[int], places: list[int]) -> torch.Tensor:
        """See `decode`."""
        if self._recorder is None:
            return decode(self._model, self._prefix, self._first(rows), tokens, places)
        if rows not in self._steps:
            self._steps[rows] = self._replayed(rows, self._recorder)
        with torch.inference_mode():
            given = inputs(rows, tokens, places).to(self._model.device)
            return self._steps[rows](given)[: len(tokens)]

    def _replayed(self, rows: int, recorder: Recorder) -> Replayed:
        network, prefix = self._model, self._prefix
        kept = [part for layer in prefix.layers for part in layer]
        return Replayed(
            partial(decode_rows, network, prefix, self._first(rows)),
            recorder,
            self._verdict,
            reads=[*network.parameters(), *network.buffers(), *kept],
        )

    def _first(self, rows: int) -> list[LayerState]:
        return [(keys[:rows], values[:rows]) for keys, values in self._buffers]

    def _length_of(self, item: Continuation) -> int:
        """How many tokens of its own it has."""
        return len(item.prompt) - len(self._prefix.tokens) + len(item.tokens)

    def release(self) -> list[Continuation]:
        """Take out the items that are finished; the last ones move into their rows."""
        finished = []
        for row in reversed(range(len(self.members))):
            if self.members[row].finish_reason:
                finished.append(self.members[row])
                self._vacate(row)
        return finished[::-1]

    @torch.inference_mode()
    def _vacate(self, row: int) -> None:
        """What no item has is 0: attention multiplies it by 0, which undoes no infinity."""
        ended = self._length_of(self.members[row])
        last = self.members.pop()
        source, length = len(self.members), self._length_of(last)
        for layer in self._buffers:
            for buffer in layer:
                buffer[row, :, :ended] = 0
                if row != source:
                    buffer[row, :, :length] = buffer[source, :, :length]
                    buffer[source, :, :length] = 0
        if row != source:
            self.members[row] = last
