"""Smaller passes, for few items, that are proved to give the same bits as a whole one.

Whether a library chooses another order of additions for fewer rows is its own affair: it depends on
the machine, the number format, the number of threads and the shapes, not on the numbers. So it is
found out by trying, once per kind of machine and model, and where bits differ there is no rung.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from workers.inference.choose import forward, lay_out
from workers.inference.labels import LabelTree
from workers.inference.packing import Packing
from workers.inference.prefix import Prefix, compute_prefix
from workers.inference.shortened import shortened

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
    row = [(5 + 7 * at) % words for at in range(ITEM_TOKENS)]
    with shortened(model, fewer_tokens=False) as short:
        prefix = _long(compute_prefix(short, row))

        def trial(size: int) -> torch.Tensor:
            packing = Packing(size)
            layout = lay_out([row] * (size // ITEM_TOKENS), 0, ONE_LABEL, packing, short)
            return forward(short, layout, size, packing.asked(size, 1), prefix).flatten(1)

        return equal_rungs(tokens, trial)


def equal_rungs(tokens: int, trial: Callable[[int], torch.Tensor]) -> tuple[int, ...]:
    """The sizes, halves of ``tokens`` and halves of these, in which ``trial`` gives the same bits.

    It is given a size and computes the same item [items, numbers] in all of a pass of that size.
    """
    whole = trial(tokens)[0]
    rungs: list[int] = []
    while (size := tokens >> (1 + len(rungs))) >= LEAST_TOKENS:
        if any(not torch.equal(item, whole) for item in trial(size)):
            break
        rungs.append(size)
    return tuple(rungs)


def _long(prefix: Prefix) -> Prefix:
    """One whose states are those of a short one again and again."""
    times = PREFIX_TOKENS // ITEM_TOKENS
    layers = [
        (keys.repeat(1, 1, times, 1), values.repeat(1, 1, times, 1))
        for keys, values in prefix.layers
    ]
    return Prefix(prefix.tokens * times, layers)
