"""Items decode in as few rows as hold them, and leave nothing behind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch

from tests.inference import tiny_models
from tests.inference.tiny_models import texts
from workers.inference.continuation import Continuation
from workers.inference.ladder import Ladder
from workers.inference.limits import NOT_FINITE
from workers.inference.next_tokens import grow_all
from workers.inference.packing import Packing
from workers.inference.prefix import NOTHING, Prefix, compute_prefix
from workers.inference.prompts import Prompts
from workers.inference.sampling import Sampling
from workers.inference.slots import Slots

pytestmark = pytest.mark.models
LENGTH = 128


def continuations(limits: Sequence[int], **settings: Any) -> list[Continuation]:
    tokenizer = tiny_models.tokenizer()
    return [
        Continuation(
            index, tokenizer(text)["input_ids"], Sampling(limit, **settings), tokenizer, ends=()
        )
        for index, (text, limit) in enumerate(zip(texts(len(limits)), limits, strict=True))
    ]


@pytest.fixture(scope="module")
def model() -> Any:
    return tiny_models.llama()


@pytest.mark.parametrize("shared", [0, 3])
def test_prompts_in_shared_passes_have_the_states_that_they_have_alone(
    model: Any, shared: int
) -> None:
    items = continuations([3] * 12)
    common = items[0].prompt[:shared]
    for item in items:
        item.prompt[:0] = common
    prefix = compute_prefix(model, common)
    passes: list[int] = []
    hook = model.register_forward_hook(lambda *_: passes.append(1))
    begun = list(Prompts(model, items, prefix, Packing(128)))
    hook.remove()
    assert [one.item for one in begun] == items
    assert len(passes) < len(items)
    for item, one in zip(items, begun, strict=True):
        alone = compute_prefix(model, item.prompt)
        for layer, expected in zip(one.states, alone.layers, strict=True):
            for part, whole in zip(layer, expected, strict=True):
                torch.testing.assert_close(part, whole[0, :, shared:], atol=1e-4, rtol=1e-4)
        assert len(item.tokens) == 1


def drained(model: Any, items: list[Continuation], prefix: Prefix = NOTHING) -> Slots:
    """The slots after all items have run together to their ends."""
    slots = Slots(model, prefix, Ladder((8, 4, 2)), LENGTH)
    for begun in Prompts(model, items, prefix, Packing(256)):
        slots.admit(begun)
    while slots.members:
        slots.step()
        slots.release()
    return slots


def test_rows_are_as_many_as_hold_the_items(model: Any) -> None:
    rows: list[int] = []
    hook = model.register_forward_pre_hook(
        lambda _, given: rows.append(given[0].shape[0]), prepend=True
    )
    drained(model, continuations([9, 3, 7, 2, 5]))
    hook.remove()
    assert rows[-8:] == [8, 4, 4, 4, 2, 2, 2, 2]


def test_an_item_that_moves_goes_on_as_if_it_stayed(model: Any) -> None:
    limits = [2, 20, 3, 4, 30]
    together = continuations(limits)
    drained(model, together)
    for limit, item in zip(limits, together, strict=True):
        (alone,) = [one for one in continuations(limits) if one.index == item.index]
        drained(model, [alone])
        assert alone.tokens == item.tokens
        assert len(item.tokens) == limit


def test_rows_without_an_item_hold_nothing(model: Any) -> None:
    slots = drained(model, continuations([9, 3, 7, 2, 5]))
    assert not any(part.any() for layer in slots._buffers for part in layer)


def test_an_output_that_is_not_finite_is_the_error_of_its_item_alone() -> None:
    items = continuations([3, 3]) + continuations([3, 3], temperature=1.0)
    logits = torch.zeros(4, 8)
    logits[:, 5] = 1000
    logits[[0, 2], 2] = float("nan")
    grow_all(items, logits)
    assert [str(items[at].answer()) for at in (0, 2)] == [NOT_FINITE] * 2
    assert [items[at].tokens for at in (1, 3)] == [[5]] * 2
