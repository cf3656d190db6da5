"""Prefixes are kept within their budget, the most valuable ones."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.inference import tiny_models
from tests.inference.tiny_models import PREFIX
from workers.inference.prefix import NOTHING, Prefix, compute_prefix
from workers.inference.prefix_store import PrefixStore

pytestmark = pytest.mark.models
BYTES_PER_TOKEN = 16


def state(tokens: list[int]) -> Prefix:
    """Two layers' keys and values of one float32 each per token."""
    part = torch.zeros(1, 1, len(tokens), 1)
    return Prefix(tokens, [(part, part), (part, part)])


def store(tokens: int) -> PrefixStore:
    return PrefixStore(state, tokens * BYTES_PER_TOKEN)


def test_a_state_is_computed_once() -> None:
    kept = store(10)
    assert kept.get([1, 2]) is kept.get([1, 2])
    assert kept.get([]) is NOTHING
    assert kept.computed == 1
    assert kept.memory_bytes == 2 * BYTES_PER_TOKEN


def test_which_were_used_is_told_once_and_which_are_kept_always() -> None:
    kept = store(5)
    kept.get([1, 2])
    kept.get([3] * 4)
    assert kept.kept_states() == ({(1, 2), (3,) * 4}, {(3,) * 4})
    assert kept.kept_states() == (set(), {(3,) * 4})


def test_the_least_used_goes_first() -> None:
    kept = store(10)
    kept.get([1] * 4, uses=100)
    kept.get([2] * 5, uses=10)
    kept.get([3] * 6, uses=10)
    assert kept.kept_states()[1] == {(1,) * 4, (3,) * 6}


def test_what_is_asked_for_no_more_goes_in_the_end() -> None:
    kept = store(2)
    kept.get([1], uses=50)
    for token in range(2, 200):
        kept.get([token], uses=1)
    assert kept.computed == 199
    kept.get([1])
    assert kept.computed == 200


def test_one_beyond_the_budget_is_used_and_not_kept() -> None:
    kept = store(3)
    kept.get([1])
    assert len(kept.get([2] * 4).tokens) == 4
    assert kept.kept_states()[1] == {(1,)}


@given(st.lists(st.tuples(st.integers(1, 12), st.integers(1, 50)), max_size=60))
def test_the_budget_holds(asked: list[tuple[int, int]]) -> None:
    kept = store(20)
    for length, uses in asked:
        assert len(kept.get([length] * length, uses).tokens) == length
        assert kept.memory_bytes <= kept.budget_bytes


def test_the_state_is_that_of_the_models_own_cache() -> None:
    model, tokenizer = tiny_models.llama(), tiny_models.tokenizer()
    tokens = tokenizer(PREFIX)["input_ids"]
    prefix = compute_prefix(model, tokens)
    assert len(prefix.layers) == 2
    assert all(part.shape[2] == len(tokens) for layer in prefix.layers for part in layer)
    assert prefix.memory_bytes == 2 * 2 * 2 * 12 * 4 * len(tokens)
