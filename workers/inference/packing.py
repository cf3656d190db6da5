"""Which items go through the model together, in shapes that follow from the item alone.

The last bits of a matrix product depend on the shapes of its factors: libraries choose their
blocking by them. So short items are laid one behind the other into passes of a fixed number of
tokens, or of the smaller ones that were proved to give the same bits (`workers.inference.rungs`),
whoever they are, and a long item has a pass of its own length. Attention is per item.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

ASKED_SHARE = 3 / 8
"""Logits are computed for at most this share of a pass, or of a rung, which is proved to give the
same bits: they cost more than a layer, and bits must not follow from the neighbours."""

WINDOW_PASSES = 16
"""Items are sorted within as many as fill so many passes: results do not wait for the whole
batch."""


@dataclass(frozen=True)
class Packing:
    """``tokens`` per pass, the ``unit`` of tokens to which an item's length is rounded up, and the
    ``rungs``: smaller passes, for too few items to fill one."""

    tokens: int
    unit: int = 1
    rungs: tuple[int, ...] = ()

    def width(self, length: int) -> int:
        """The padded length of an item."""
        return -(-length // self.unit) * self.unit

    def pass_tokens(self, length: int) -> int:
        """The size of the passes that an item of this length runs in: half a pass or more would
        leave too much of it empty."""
        width = self.width(length)
        return self.tokens if 2 * width <= self.tokens else width

    def asked(self, tokens: int, each: int, items: int | None = None) -> int:
        """For how many tokens a pass computes logits if an item asks for those of ``each``: for
        as many as it may have, or with ``items`` for the fewest that are proved to do for these."""
        if tokens != self.tokens and tokens not in self.rungs:
            return each  # the pass of a long item
        most = max(int(tokens * ASKED_SHARE), each)
        if items is None:
            return most
        proved = (int(size * ASKED_SHARE) for size in self.rungs)
        return min((size for size in proved if items * each <= size <= most), default=most)

    def passes(self, lengths: Sequence[int], each: int = 0) -> Iterator[tuple[int, list[int]]]:
        """(tokens, indices of items) of every pass, if an item asks for the logits of ``each``.

        First fit, longest first, in windows of the order given.
        """
        window: list[int] = []
        filled = 0
        for index, length in enumerate(lengths):
            size = self.pass_tokens(length)
            if size != self.tokens:
                yield size, [index]
                continue
            window.append(index)
            filled += self.width(length)
            if filled >= WINDOW_PASSES * self.tokens:
                yield from self._fitted(window, lengths, each)
                window, filled = [], 0
        yield from self._fitted(window, lengths, each)

    def passes_in_order(
        self, lengths: Sequence[int], each: int = 0
    ) -> Iterator[tuple[int, list[int]]]:
        """As `passes`, for items that are wanted in the order given: neighbours fill a pass."""
        most = self.asked(self.tokens, each) // each if each else self.tokens
        members: list[int] = []
        filled = 0
        for index, length in enumerate(lengths):
            size, width = self.pass_tokens(length), self.width(length)
            alone = size != self.tokens
            if members and (alone or filled + width > size or len(members) == most):
                yield self._least(filled, len(members) * each), members
                members, filled = [], 0
            if alone:
                yield size, [index]
            else:
                members.append(index)
                filled += width
        if members:
            yield self._least(filled, len(members) * each), members

    def _fitted(
        self, window: list[int], lengths: Sequence[int], each: int
    ) -> Iterator[tuple[int, list[int]]]:
        passes: list[tuple[int, list[int]]] = []  # (tokens left, items)
        most = self.asked(self.tokens, each) // each if each else self.tokens
        for index in sorted(window, key=lambda i: -lengths[i]):
            width = self.width(lengths[index])
            for at, (left, items) in enumerate(passes):
                if width <= left and len(items) < most:
                    passes[at] = left - width, [*items, index]
                    break
            else:
                passes.append((self.tokens - width, [index]))
        for left, items in sorted(passes, key=lambda one: min(one[1])):
            yield self._least(self.tokens - left, len(items) * each), items

    def _least(self, filled: int, asked: int) -> int:
        """The smallest pass for so many tokens."""
        fit = (size for size in self.rungs if filled <= size and asked <= size * ASKED_SHARE)
        return min(fit, default=self.tokens)


def default_slots(device_type: str, slots: int | None = None) -> int:
    """How many items decode together, unless ``slots`` says it: there reading the weights costs
    more than arithmetic, so that rows of more items cost little."""
    if slots is None:
        slots = 32
    if slots < 1:
        raise ValueError(f"slots must be at least 1, not {slots}")
    return slots
