"""Generation: the model's own continuation, ended where it should be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from tests.inference import tiny_models
from tests.inference.conftest import resident
from tests.inference.tiny_models import texts
from workers.inference import Generation
from workers.inference.continuation import Continuation
from workers.inference.prompts import Begun, Prompts
from workers.inference.resident import ResidentModel

pytestmark = pytest.mark.models
NEW_TOKENS = 20


def greedy(model: Any, tokenizer: Any, text: str, count: int) -> list[int]:
    """By transformers' own ``generate``."""
    ids = torch.tensor([tokenizer(text)["input_ids"]])
    out = model.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=count, do_sample=False
    )
    return [token for token in out[0, ids.shape[1] :].tolist() if token != 0]


@pytest.mark.parametrize(
    "make",
    [tiny_models.llama, tiny_models.gpt2, tiny_models.bloom, lambda: tiny_models.mistral(24)],
)
def test_greedy_tokens_are_those_of_transformers(make: Callable[[], Any]) -> None:
    llm = resident(make())
    prompts = texts(9, longest_words=20)
    for prompt, answer in zip(prompts, llm.generate(prompts, NEW_TOKENS), strict=True):
        assert isinstance(answer, Generation)
        assert answer.tokens == greedy(llm.model, llm.tokenizer, prompt, NEW_TOKENS)
        assert answer.text == llm.tokenizer.decode(answer.tokens)
        assert answer.prompt_tokens == len(llm.tokenizer(prompt)["input_ids"])


def test_each_item_has_its_own_limit_and_answers_keep_the_order(llm: ResidentModel) -> None:
    prompts = texts(10, longest_words=10)
    limits = [9, 1, 30, 2, 70, 3, 5, 1, 12, 4]
    for limit, answer in zip(limits, llm.generate(prompts, limits), strict=True):
        assert isinstance(answer, Generation)
        assert answer.finish_reason == ("length" if answer.completion_tokens == limit else "stop")
        assert answer.completion_tokens <= limit


def test_the_end_of_text_token_ends_an_answer_and_is_not_part_of_it() -> None:
    llm = resident()
    llm.model.lm_head.weight.data.zero_()
    (answer,) = llm.generate(["the river"], NEW_TOKENS)
    assert answer == Generation("", [], "stop", prompt_tokens=2, completion_tokens=1)


def test_sampling_follows_the_items_seed_alone(llm: ResidentModel) -> None:
    def sample(seed: Any, prompts: list[str]) -> list[Any]:
        return list(llm.generate(prompts, NEW_TOKENS, 1.5, 0.9, seed=seed))

    one, two = texts(2, longest_words=8)
    assert sample([1, 2], [one, two]) == list(reversed(sample([2, 1], [two, one])))
    assert sample(1, [one]) == sample([5, 1], [two, one])[1:]
    assert sample(None, [one]) == sample([None, 3], [one, two])[:1]
    assert len({tuple(answer.tokens) for answer in sample([1, 2, 3], [one] * 3)}) == 3


def test_a_small_nucleus_is_greedy(llm: ResidentModel) -> None:
    prompts = texts(5, longest_words=8)
    nucleus = list(llm.generate(prompts, NEW_TOKENS, temperature=1.0, top_p=1e-6, seed=1))
    assert nucleus == list(llm.generate(prompts, NEW_TOKENS))


def test_a_stop_string_ends_the_text_before_it(llm: ResidentModel) -> None:
    (whole,) = llm.generate(["the river flows"], NEW_TOKENS)
    assert isinstance(whole, Generation)
    stop = whole.text[5:8]
    cut = whole.text.index(stop)
    (answer, other) = llm.generate(
        ["the river flows"] * 2, NEW_TOKENS, stop=[["never there", stop], []]
    )
    assert isinstance(answer, Generation)
    assert answer.text == whole.text[:cut]
    assert answer.finish_reason == "stop"
    assert answer.completion_tokens < whole.completion_tokens
    assert other == whole


def test_what_cannot_be_answered_is_that_items_error(llm: ResidentModel) -> None:
    prompts: list[Any] = ["the river", "", "the " * 300, None, "a", "a", "a"]
    limits = [3, 3, 3, 3, 0, 3, 3]
    temperatures = [0, 0, 0, 0, 0, -1, 0]
    answers = list(llm.generate(prompts, limits, temperatures, [1, 1, 1, 1, 1, 1, 0]))
    assert isinstance(answers[0], Generation)
    messages = [str(answer) for answer in answers[1:]]
    expected = ["empty", "at most 256", "NoneType", "max_new_tokens", "temperature", "top_p"]
    assert all(word in message for word, message in zip(expected, messages, strict=True))
    assert all(isinstance(answer, ValueError) for answer in answers[1:])


def test_settings_of_another_number_than_the_items_are_refused(llm: ResidentModel) -> None:
    with pytest.raises(ValueError, match="max_new_tokens has 2 values for 1 items"):
        list(llm.generate(["the river"], [1, 2]))


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_damaged_weights_are_an_error_and_no_text(temperature: float) -> None:
    llm = resident()
    llm.model.lm_head.weight.data.fill_(float("nan"))
    (answer,) = llm.generate(["the river"], NEW_TOKENS, temperature)
    assert isinstance(answer, ValueError)
    assert "not a finite number" in str(answer)


def test_what_may_last_long_begins_early(llm: ResidentModel) -> None:
    began: list[int] = []
    prompts = texts(9, longest_words=4)
    limits = [2, 2, 30, 2, 2, 2, 2, 2, 30]

    class Noted(Prompts):
        def _begin(self, items: list[Continuation], tokens: int) -> list[Begun]:
            began.extend(item.index for item in items)
            return super()._begin(items, tokens)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("workers.inference.generate.Prompts", Noted)
        list(llm.generate(prompts, limits))
    assert began == [2, 8, 0, 1, 3, 4, 5, 6, 7]
