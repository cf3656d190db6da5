"""Generation: items with the same prefix share a fixed number of slots.

An item's own part of the prompt is computed in a pass of its own, and decoding runs in passes of a
fixed number of rows, in which each row attends to its own length. So no shape that an item meets
depends on the items beside it.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from transformers.cache_utils import DynamicCache

from workers.inference.continuation import Continuation
from workers.inference.memory import cache_bytes_per_token, is_out_of_memory
from workers.inference.prefix import Prefix
from workers.inference.slots import Slots

LENGTH_UNIT_TOKENS = 64
LEAST_CLASS_TOKENS = 256


def generate(
    model: Any,
    items: Sequence[Continuation],
    prefix: Prefix,
    slot_count: int,
    cache_bytes: int,
) -> Iterator[Continuation]:
    """Yield the items, all of which begin with the prefix, as they finish.

    Keys and values take up to ``cache_bytes``: fewer slots where the items are too long for that.
    When memory runs out half the slots go on, and what they had begun begins again.
    """
    for length, waiting in _classes(model, items, len(prefix.tokens), slot_count, cache_bytes):
        fitting = cache_bytes // (length * cache_bytes_per_token(model))
        count = max(1, min(slot_count, fitting))
        while waiting:
            slots = Slots(model, prefix, count, length)
            try:
                yield from _drain(slots, waiting)
            except Exception as error:
                if not is_out_of_memory(error) or count == 1:
                    raise
                begun = slots.members
                for item in begun:
                    item.restart()
                waiting.extendleft(reversed(begun))
                count //= 2
                if model.device.type == "cuda":
                    torch.cuda.empty_cache()


def _classes(
    model: Any, items: Sequence[Continuation], shared: int, slot_count: int, cache_bytes: int
) -> list[tuple[int, deque[Continuation]]]:
    """Items by the length of their buffers, of which each class has its own slots.

    On a CPU attention reads what an item has and no more, so that all may have buffers as long as
    the longest, while memory lasts. Else an item's buffer follows from the item.
    """
    lengths = [
        -(-(item.capacity_tokens - shared) // LENGTH_UNIT_TOKENS) * LENGTH_UNIT_TOKENS
        for item in items
    ]
    longest = max(lengths, default=0)
    fits = longest * slot_count * cache_bytes_per_token(model) <= cache_bytes
    if model.device.type == "cpu" and fits:
        return [(longest, deque(items))]
    classes: defaultdict[int, deque[Continuation]] = defaultdict(deque)
    for item, length in zip(items, lengths, strict=True):
        classes[max(LEAST_CLASS_TOKENS, 1 << (length - 1).bit_length())].append(item)
    return sorted(classes.items())


def _drain(slots: Slots, waiting: deque[Continuation]) -> Iterator[Continuation]:
    while waiting or slots.members:
        while waiting and (slot := slots.free) is not None:
            slots.admit(slot, waiting[0])
            waiting.popleft()
            yield from slots.release()
        if slots.members:
            slots.step()
            yield from slots.release()


@torch.inference_mode()
def generate_plainly(model: Any, item: Continuation) -> Continuation:
    """One item alone with the model's own cache: for models that take no attention of ours, and for
    lengths beyond a sliding window."""
    cache = DynamicCache(config=model.config)
    ids = item.prompt
    while item.finish_reason is None:
        output = model(
            torch.tensor([ids], device=model.device), past_key_values=cache, use_cache=True
        )
        item.grow(output.logits[0, -1].float().cpu())
        ids = item.tokens[-1:]
    return item
