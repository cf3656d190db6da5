"""The kept beginning: what it covers, and that it changes no answer."""

from __future__ import annotations

import pytest

from tests.inference.oracle import score_labels
from tests.inference.tiny_models import LABELS, PREFIX
from workers.inference import Choice
from workers.inference.prefix import NOTHING, PrefixStore
from workers.inference.resident import ResidentModel

pytestmark = pytest.mark.models


@pytest.fixture
def store(llm: ResidentModel) -> PrefixStore:
    return PrefixStore(llm.model, llm.tokenizer, capacity=2)


def test_an_item_that_breaks_the_boundary_takes_the_way_without_prefix(
    llm: ResidentModel, store: PrefixStore
) -> None:
    prefix = "the people sell cop"
    covered = store.get(prefix)
    assert covered.covers(llm.tokenizer(prefix + " and salt")["input_ids"])
    assert not covered.covers(llm.tokenizer(prefix + "per and salt")["input_ids"])


def test_a_space_at_the_end_is_left_to_the_items(llm: ResidentModel, store: PrefixStore) -> None:
    naive = llm.tokenizer(PREFIX)["input_ids"]
    whole = llm.tokenizer(PREFIX + "the river")["input_ids"]
    assert naive != whole[: len(naive)]
    covered = store.get(PREFIX)
    assert llm.tokenizer.decode(covered.tokens) == PREFIX.rstrip(" ")
    assert covered.covers(whole)


@pytest.mark.parametrize("prefix", ["the people sell cop", "the river flo", PREFIX, " ", "\n\n"])
@pytest.mark.parametrize("prompt", ["per and salt", "ws past", "", " the", "\n", "é"])
def test_scores_are_those_of_the_whole_text(llm: ResidentModel, prefix: str, prompt: str) -> None:
    (choice,) = llm.choose([prompt], LABELS, prefix)
    assert isinstance(choice, Choice)
    expected = score_labels(llm.model, llm.tokenizer, prefix + prompt, LABELS)
    assert choice.scores == pytest.approx(expected, abs=1e-4)


def test_no_item_may_end_with_the_prefix(store: PrefixStore) -> None:
    covered = store.get("the river")
    assert not covered.covers(covered.tokens)


def test_the_state_is_computed_once_and_not_changed_by_use(
    llm: ResidentModel, store: PrefixStore
) -> None:
    prefix = store.get(PREFIX)
    before = [(keys.clone(), values.clone()) for keys, values in prefix.layers]
    cache = prefix.cache(rows=2)
    for index, (keys, values) in enumerate(before):
        more = keys[:, :, :1].expand(2, -1, -1, -1), values[:, :, :1].expand(2, -1, -1, -1)
        cache.update(*more, index)
    assert store.get(PREFIX) is prefix
    for (keys, values), (old_keys, old_values) in zip(prefix.layers, before, strict=True):
        assert keys.equal(old_keys)
        assert values.equal(old_values)


def test_the_prefixes_used_last_are_kept(store: PrefixStore) -> None:
    first, second = store.get("the river "), store.get("the town ")
    assert store.get("the river ") is first
    store.get("the ships ")
    assert store.get("the river ") is first
    assert store.get("the town ") is not second


def test_an_empty_text_is_no_prefix(store: PrefixStore) -> None:
    assert store.get("") is NOTHING
    assert not NOTHING.covers([1, 2])
