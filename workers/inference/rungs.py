"""Smaller passes, for few items, that are proved to give the same bits as a whole one.

Whether a library chooses another order of additions for fewer rows is its own affair: it depends on
the machine, the number format, the number of threads and the shapes, not on the numbers. So it is
found out by trying, once per kind of machine and model, and where bits differ there is no rung.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import takewhile
from typing import Any

import torch

from workers.inference.choose import forward, lay_out
from workers.inference.labels import LabelTree
from workers.inference.ladder import fewer_rows
from workers.inference.packing import Packing
from workers.inference.prefix import Prefix, compute_prefix
from workers.inference.ranks import agree
from workers.inference.shortened import shortened
from workers.inference.slots import decode

ITEM_TOKENS = 16
LEAST_TOKENS = 32
PREFIX_TOKENS = 640
"""More than the block of keys in which attention on a CPU adds up, and no multiple of it."""

ONE_LABEL = LabelTree(("a",), ((3,),))


def scoring_rungs(model: Any, tokens: int) -> tuple[int, ...]:
    """The rungs below passes of ``tokens`` for scores by a causal language model.

    Tried with two of its layers, which are alike, and all of its vocabulary.
    """
    words = model.config.get_text_config(decoder=True).vocab_size
    with shortened(model, fewer_tokens=False) as short:
        prefix = _long(compute_prefix(short, different_items(1, words)[0]))

        def trial(size: int) -> torch.Tensor:
            """Logits of as many items as fill one pass."""
            packing, items = Packing(size), different_items(size // ITEM_TOKENS, words)
            layout = lay_out(items, 0, ONE_LABEL, packing, short)
            return forward(short, layout, size, packing.asked(size, 1), prefix).flatten(1)

        return equal_rungs(tokens, halves(tokens), trial)


def decoding_rungs(model: Any, slots: int) -> tuple[int, ...]:
    """The numbers of rows below ``slots`` in which as many items decode to the same bits."""
    words = model.config.get_text_config(decoder=True).vocab_size
    (item,) = different_items(1, words)
    tokens = [(5 + 7 * at) % words for at in range(slots)]
    with shortened(model, fewer_tokens=False) as short:
        own = compute_prefix(short, item)
        prefix = replace(_long(own), tokens=own.tokens)  # its length gives positions

        def trial(rows: int) -> torch.Tensor:
            """Logits of all items, so many at a time."""
            parts = []
            for start in range(0, slots, rows):
                some = tokens[start : start + rows]
                buffers = [
                    (keys.repeat(rows, 1, 1, 1), values.repeat(rows, 1, 1, 1))
                    for keys, values in own.layers
                ]
                parts.append(decode(short, prefix, buffers, some, [ITEM_TOKENS - 1] * len(some)))
            return torch.cat(parts)

        return equal_rungs(slots, fewer_rows(slots), trial)


def equal_rungs(
    whole: int, smaller: Iterable[int], trial: Callable[[int], torch.Tensor]
) -> tuple[int, ...]:
    """The ``smaller`` sizes before the first in which ``trial`` gives other bits than in the whole.

    It is given a size and computes [items, numbers] in passes of that size: the first items of
    those that it computes in the whole, or all. They should be many and differ, since half
    precision hides from most numbers that they were added up in another order. Of several ranks,
    what is equal is equal on each.
    """
    wanted = trial(whole)

    def is_equal(size: int) -> bool:
        found = trial(size)
        return bool(agree(torch.equal(found, wanted[: len(found)])))

    return tuple(takewhile(is_equal, smaller))


def halves(tokens: int) -> Iterator[int]:
    """Half of ``tokens``, half of that, and so on down to `LEAST_TOKENS`."""
    while (tokens := tokens // 2) >= LEAST_TOKENS:
        yield tokens


def different_items(count: int, words: int) -> list[list[int]]:
    """So many items of `ITEM_TOKENS` tokens below ``words``."""
    return [[(5 + 7 * at + 11 * n) % words for at in range(ITEM_TOKENS)] for n in range(count)]


def _long(prefix: Prefix) -> Prefix:
    """One whose states are those of a short one again and again."""
    times = PREFIX_TOKENS // ITEM_TOKENS
    layers = [
        (keys.repeat(1, 1, times, 1), values.repeat(1, 1, times, 1))
        for keys, values in prefix.layers
    ]
    return Prefix(prefix.tokens * times, layers)
