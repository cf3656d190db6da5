"""Generation: items with the same prefix share slots, in which they decode together.

Their prompts' own parts are laid one behind the other into passes of a fixed number of tokens.
Decoding runs in passes of as many rows as there are slots, or of fewer that were proved to give the
same bits, in which each row attends to its own length. So no shape that an item meets depends on
the items beside it, but for shapes that give the same bits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import torch
from transformers.cache_utils import DynamicCache

from workers.inference.continuation import Continuation
from workers.inference.graphs import recorder_for
from workers.inference.ladder import Ladder
from workers.inference.memory import Sizes, cache_bytes_per_token, graph_bytes
from workers.inference.prefix import Prefix
from workers.inference.prompts import Prompts
from workers.inference.rungs import decoding_rungs, scoring_rungs
from workers.inference.slots import Slots
from workers.telemetry.progress import Steps

LENGTH_UNIT_TOKENS = 64
LEAST_CLASS_TOKENS = 256

WINDOW_SLOTS = 4
"""Items begin in the order of their limits within as many as fill the slots so often: no answer
waits for the whole batch."""


def generate(
    model: Any, items: Sequence[Continuation], prefix: Prefix, sizes: Sizes
) -> Iterator[Continuation]:
    """Yield the items, all of which begin with the prefix, as they finish.

    When memory runs out half the slots, or passes of half the size, go on, and what they had begun
    begins again.
    """
    whole = _proved(model, sizes)
    shared, token_bytes = len(prefix.tokens), cache_bytes_per_token(model)
    cache_bytes = max(0, sizes.cache_bytes - graph_bytes(model, whole.most))
    for length, members in _classes(model, items, shared, whole.most, cache_bytes):
        ladder = whole.within(cache_bytes // (length * token_bytes))
        left = {item.index: item for item in _longest_first(members, WINDOW_SLOTS * ladder.most)}
        while left:
            recorder = recorder_for(model.device)
            slots = Slots(model, prefix, ladder, length, recorder, sizes.graphs)
            prompts = Prompts(model, list(left.values()), prefix, sizes.packing)
            steps = Steps(min(ladder.most, len(left)))
            try:
                for item in _drain(slots, prompts, steps):
                    del left[item.index]
                    yield item
            except Exception as error:
                if not sizes.ran_out(error):
                    raise
                if not (prompts.in_shared_pass and sizes.halve_passes()):
                    if ladder.most == 1:
                        raise
                    ladder = ladder.within(ladder.most // 2)
            for item in left.values():
                item.restart()
            if left and model.device.type == "cuda":
                torch.cuda.empty_cache()


def _proved(model: Any, sizes: Sizes) -> Ladder:
    """How many rows decode together. Passes of prompts have their rungs afterwards."""
    while True:
        try:
            sizes.prove_rungs(partial(scoring_rungs, model))
            return sizes.prove_ladder(partial(decoding_rungs, model))
        except Exception as error:
            if not sizes.ran_out(error) or not sizes.halve_passes():
                raise


def _longest_first(items: Sequence[Continuation], window: int) -> Iterator[Continuation]:
    """What may last long begins early, so that no single item is left in the end."""
    for start in range(0, len(items), window):
        some = items[start : start + window]
        yield from sorted(some, key=lambda item: len(item.prompt) - item.capacity_tokens)


def _classes(
    model: Any, items: Sequence[Continuation], shared: int, slot_count: int, cache_bytes: int
) -> list[tuple[int, list[Continuation]]]:
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
        return [(longest, list(items))]
    classes: defaultdict[int, list[Continuation]] = defaultdict(list)
    for item, length in zip(items, lengths, strict=True):
        classes[max(LEAST_CLASS_TOKENS, 1 << (length - 1).bit_length())].append(item)
    return sorted(classes.items())


def _drain(slots: Slots, prompts: Prompts, steps: Steps) -> Iterator[Continuation]:
    coming = iter(prompts)
    while True:
        while not slots.full and (begun := next(coming, None)) is not None:
            steps.begun()
            if begun.item.finish_reason:
                yield begun.item
            else:
                slots.admit(begun)
        if not slots.members:
            return
        slots.step()
        steps.done(len(slots.members))
        yield from slots.release()


@torch.inference_mode()
def generate_plainly(model: Any, item: Continuation) -> Continuation:
    """One item alone with the model's own cache: for models that take no attention of ours, and for
    lengths beyond a sliding window."""
    cache = DynamicCache(config=model.config)
    ids = item.prompt
    steps = Steps(1)
    while item.finish_reason is None:
        output = model(
            torch.tensor([ids], device=model.device), past_key_values=cache, use_cache=True
        )
        item.grow(output.logits[0, -1].float().cpu())
        ids = item.tokens[-1:]
        steps.done(1)
    return item
