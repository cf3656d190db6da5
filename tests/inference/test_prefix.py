"""The shared beginning: what it covers, how it is found, and that it changes no answer."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.inference.conftest import resident
from tests.inference.oracle import score_labels
from tests.inference.tiny_models import LABELS, PREFIX, texts
from workers.inference import Choice, Generation
from workers.inference.prefix import (
    LEAST_SHARED_TOKENS,
    NOTHING,
    Prefix,
    shared_beginnings,
    stable_tokens,
)
from workers.inference.resident import ResidentModel

pytestmark = pytest.mark.models
LONG = PREFIX * 3


def covers(llm: ResidentModel, prefix: str, text: str) -> bool:
    tokens = stable_tokens(llm.tokenizer, prefix)
    return Prefix(tokens, []).covers(llm.tokenizer(text)["input_ids"])


def test_an_item_that_breaks_the_boundary_is_not_covered(llm: ResidentModel) -> None:
    prefix = "the people sell cop"
    assert covers(llm, prefix, prefix + " and salt")
    assert not covers(llm, prefix, prefix + "per and salt")


def test_a_space_at_the_end_is_left_to_the_items(llm: ResidentModel) -> None:
    naive = llm.tokenizer(PREFIX)["input_ids"]
    whole = llm.tokenizer(PREFIX + "the river")["input_ids"]
    assert naive != whole[: len(naive)]
    assert llm.tokenizer.decode(stable_tokens(llm.tokenizer, PREFIX)) == PREFIX.rstrip(" ")
    assert covers(llm, PREFIX, PREFIX + "the river")


@pytest.mark.parametrize("prefix", ["the people sell cop", "the river flo", PREFIX, " ", "\n\n"])
@pytest.mark.parametrize("prompt", ["per and salt", "ws past", "", " the", "\n", "é"])
def test_scores_are_those_of_the_whole_text(llm: ResidentModel, prefix: str, prompt: str) -> None:
    (choice,) = llm.choose([prompt], LABELS, prefix)
    assert isinstance(choice, Choice)
    expected = score_labels(llm.model, llm.tokenizer, prefix + prompt, LABELS)
    assert choice.scores == pytest.approx(expected, abs=1e-4)


def test_no_item_may_end_with_the_prefix(llm: ResidentModel) -> None:
    assert not covers(llm, "the river", "the river")
    assert not NOTHING.covers([1, 2])
    assert stable_tokens(llm.tokenizer, "") == []


@pytest.mark.parametrize("given_as", ["given", "found"])
def test_scores_with_a_prefix_given_or_found_are_the_plain_ones(given_as: str) -> None:
    llm, prompts = resident(), texts(9, seed=4)
    prompts[3] = prompts[0]
    if given_as == "given":
        choices = list(llm.choose(prompts, LABELS, LONG + "1"))
    else:
        choices = list(llm.choose([LONG + "1" + prompt for prompt in prompts], LABELS, None))
    for prompt, choice in zip(prompts, choices, strict=True):
        assert isinstance(choice, Choice)
        expected = score_labels(llm.model, llm.tokenizer, LONG + "1" + prompt, LABELS)
        assert choice.scores == pytest.approx(expected, abs=1e-4)
    assert llm.prefixes.computed == 1


@pytest.mark.parametrize("given_as", ["given", "found"])
def test_greedy_texts_with_a_prefix_are_those_without(given_as: str) -> None:
    llm, prompts = resident(), texts(6, seed=5, longest_words=6)
    whole = [LONG + prompt for prompt in prompts]
    asked: Any = (prompts, LONG) if given_as == "given" else (whole, None)
    with_state = list(llm.generate(asked[0], 12, prefix=asked[1]))
    assert llm.prefixes.computed == 1
    assert with_state == list(llm.generate(whole, 12))
    assert all(isinstance(answer, Generation) for answer in with_state)


def test_what_conversations_share_is_found() -> None:
    llm = resident()
    talks = [
        [{"role": "system", "content": LONG}, {"role": "user", "content": text}]
        for text in texts(4, seed=6, longest_words=5)
    ]
    found = list(llm.chat(talks, 8, template="plain", find_prefix=True))
    assert llm.prefixes.computed == 1
    assert found == list(llm.chat(talks, 8, template="plain"))


rows = st.lists(
    st.tuples(st.sampled_from([0, 1, 2]), st.lists(st.integers(0, 3), max_size=6)), max_size=20
)


@given(rows)
def test_every_row_goes_on_after_the_beginning_that_is_found_for_it(
    rows: list[tuple[int, list[int]]],
) -> None:
    tokens = {at: [kind] * LEAST_SHARED_TOKENS + rest for at, (kind, rest) in enumerate(rows)}
    seen = []
    for shared, keys in shared_beginnings(tokens):
        assert len(shared) >= LEAST_SHARED_TOKENS or not shared
        if shared:
            assert len(keys) > 1
            assert all(Prefix(shared, []).covers(tokens[key]) for key in keys)
        seen += keys
    assert sorted(seen) == sorted(tokens)
