"""Generation: items of one length class share a fixed number of slots.

The prompt is computed in a pass of its own, and decoding runs in passes of a fixed number of rows
over buffers whose length follows from the item's own prompt and limit. So no shape that an item
meets depends on the items beside it.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from transformers.cache_utils import DynamicCache

from workers.inference.continuation import Continuation
from workers.inference.slots import Slots

LENGTH_UNIT_TOKENS = 64


def generate(model: Any, items: Sequence[Continuation], slot_count: int) -> Iterator[Continuation]:
    """Yield the items as they finish."""
    classes: defaultdict[int, deque[Continuation]] = defaultdict(deque)
    for item in items:
        units = -(-item.capacity_tokens // LENGTH_UNIT_TOKENS)
        classes[units * LENGTH_UNIT_TOKENS].append(item)
    for length, waiting in sorted(classes.items()):
        slots = Slots(model, slot_count, length)
        while waiting or slots.busy:
            while waiting and (slot := slots.free) is not None:
                slots.admit(slot, waiting.popleft())
                yield from slots.release()
            if slots.busy:
                slots.step()
                yield from slots.release()


@torch.inference_mode()
def generate_plainly(model: Any, item: Continuation) -> Continuation:
    """One item alone with the model's own cache: for models that know no custom masks, and for
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
