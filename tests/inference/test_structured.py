"""Answers of a given form: they always have it, and nobody beside them notices."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import torch

from tests.inference import tiny_models
from tests.inference.conftest import resident
from tests.inference.tiny_models import texts
from workers.inference import Form, Generation
from workers.inference.resident import ResidentModel

pytestmark = pytest.mark.models
NEW_TOKENS = 90
CHOICES = ("NOT", "NOT ENOUGH INFO", "é😀", 'say "so"\n', "\\n", "<end>", "")
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "who": {"type": "string", "maxLength": 4},
        "n": {"type": "integer", "minimum": 0, "maximum": 120},
        "of": {"type": "array", "items": {"enum": ["salt", "honey"]}, "maxItems": 2},
        "sure": {"type": "boolean"},
    },
    "required": ["who", "n", "of"],
    "additionalProperties": False,
}
REGEX = r"[a-f]{2,4}-[0-9]{1,3}(\.|!)"


def answers(llm: ResidentModel, prompts: Sequence[str], form: Any, **given: Any) -> list[Any]:
    settings = {"max_new_tokens": NEW_TOKENS, "temperature": 1.3, "seed": range(len(prompts))}
    return list(llm.generate(prompts, **{**settings, **given}, form=form))


def assert_follows_schema(text: str) -> None:
    value = json.loads(text)
    assert list(value) in (["who", "n", "of"], ["who", "n", "of", "sure"])
    assert len(value["who"]) <= 4
    assert type(value["n"]) is int
    assert 0 <= value["n"] <= 120
    assert len(value["of"]) <= 2
    assert set(value["of"]) <= {"salt", "honey"}
    assert value.get("sure") in (None, True, False)
    outside = re.sub(r'"(\\.|[^"])*"', "", text)
    assert not re.search(r"\s\s|[^,:] ", outside)


@torch.inference_mode()
def best_choice(llm: ResidentModel, prompt: str, choices: Sequence[str]) -> str:
    """Greedily among the tokens that some choice goes on with, by plain forward passes."""
    pieces = [llm.tokenizer.decode([token]) for token in range(len(llm.tokenizer))]
    ids, text = llm.tokenizer(prompt)["input_ids"], ""
    while True:
        logits = llm.model(torch.tensor([ids])).logits[0, -1]
        allowed = [
            token
            for token, piece in enumerate(pieces)
            if (text in choices if token == 0 else any(c.startswith(text + piece) for c in choices))
        ]
        token = max(allowed, key=lambda one: logits[one].item())
        if token == 0:
            return text
        ids, text = [*ids, token], text + pieces[token]
        if sum(choice.startswith(text) for choice in choices) == 1 and text in choices:
            return text


@pytest.mark.parametrize("temperature", [0.0, 1.5])
def test_a_choice_is_one_of_the_texts_to_the_character(
    llm: ResidentModel, temperature: float
) -> None:
    prompts = texts(40, longest_words=6)
    found = answers(llm, prompts, {"choice": CHOICES}, temperature=temperature)
    assert all(answer.finish_reason == "stop" for answer in found)
    assert {answer.text for answer in found} <= set(CHOICES)
    assert len({answer.text for answer in found}) > 1


def test_the_best_allowed_token_is_taken_at_every_step(llm: ResidentModel) -> None:
    choices = ["salt and grain", "salt", "the river", "honey", "NOT", "NOT ENOUGH"]
    prompts = texts(12, longest_words=6)
    found = answers(llm, prompts, {"choice": choices}, temperature=0.0)
    assert [one.text for one in found] == [best_choice(llm, text, choices) for text in prompts]


def test_json_follows_its_schema(llm: ResidentModel) -> None:
    for form in ({"json": SCHEMA}, {"json": json.dumps(SCHEMA)}):
        for answer in answers(llm, texts(6, longest_words=6), form):
            assert answer.finish_reason == "stop"
            assert_follows_schema(answer.text)


def test_an_expression_matches_the_whole_answer(llm: ResidentModel) -> None:
    for answer in answers(llm, texts(12, longest_words=6), {"regex": REGEX}):
        assert re.fullmatch(REGEX, answer.text)


@pytest.mark.parametrize(
    "grammar", ['start: "(" start ")" | "x"', 'root ::= "(" root ")" | "x"'], ids=["lark", "gbnf"]
)
def test_a_grammar_may_be_written_in_two_ways(llm: ResidentModel, grammar: str) -> None:
    for answer in answers(llm, texts(4, longest_words=6), {"grammar": grammar}):
        assert re.fullmatch(r"\(*x\)*", answer.text)
        assert answer.text.count("(") == answer.text.count(")")


def test_each_item_has_its_own_form_and_no_other_notices(llm: ResidentModel) -> None:
    prompts = texts(8, longest_words=8)
    forms: list[Form | None] = [None, {"json": SCHEMA}, {"regex": REGEX}, {"choice": CHOICES}] * 2
    together = answers(llm, prompts, forms)
    for index, (prompt, form) in enumerate(zip(prompts, forms, strict=True)):
        assert answers(llm, [prompt], [form], seed=index) == [together[index]]
    assert together[::4] == answers(llm, prompts[::4], None, seed=[0, 4])


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"regex": "a("}, "the form's regex is refused: .*unclosed group"),
        ({"json": {"type": "objekt"}}, "the form's json is refused: Invalid type: objekt"),
        ({"json": "{"}, "the form's json is refused: EOF"),
        ({"json": {"uniqueItems": True}}, "uniqueItems"),
        ({"json": {"enum": {1, 2}}}, "the form's json is refused: .*set"),
        ({"grammar": "start: nowhere"}, "the form's grammar is refused: .*unknown name"),
        ({"choice": ["\ud800"]}, "the form's choice is refused"),
        ({"choice": []}, "a list of one text or more, not \\[\\]"),
        ({"choice": "ab"}, "a list of one text or more, not str"),
        ({"regex": None}, "the form's regex must be text, not None"),
        ({"regex": r"[^\s\S]"}, "the form cannot be kept after ''"),
        ({}, "not with nothing"),
        ({"schema": SCHEMA}, "one of choice, json, regex, grammar, not with 'schema'"),
        ({"json": SCHEMA, "regex": "a"}, "not with 'json', 'regex'"),
        ("yes", "not with 'yes'"),
    ],
)
def test_a_bad_form_is_that_items_error(llm: ResidentModel, form: Any, message: str) -> None:
    prompts = ["the river", "a town"]
    bad, good = answers(llm, prompts, [form, {"choice": ["yes"]}])
    assert type(bad) is ValueError  # of this class itself: it is the request's fault, says a row
    assert re.search(message, str(bad), re.DOTALL)
    assert good.text == "yes"


def test_an_answer_that_grows_too_long_is_cut(llm: ResidentModel) -> None:
    (cut,) = answers(llm, ["the river"], {"json": SCHEMA}, max_new_tokens=9)
    assert cut.finish_reason == "length"
    assert cut.completion_tokens == len(cut.tokens) == 9
    (whole,) = answers(llm, ["the river"], {"json": SCHEMA})
    assert whole.text.startswith(cut.text)
    length = len(whole.tokens)
    (exact,) = answers(llm, ["the river"], {"json": SCHEMA}, max_new_tokens=length)
    assert exact == whole
    assert exact.finish_reason == "stop"


def test_a_stop_string_ends_a_form_too(llm: ResidentModel) -> None:
    (answer,) = answers(llm, ["the river"], {"json": SCHEMA}, stop=[',"n', ', "n'])
    assert answer.finish_reason == "stop"
    assert json.loads(answer.text + "}").keys() == {"who"}


def test_conversations_have_forms_too(llm: ResidentModel) -> None:
    talk = [{"role": "user", "content": "the river"}]
    (answer,) = llm.chat([talk], NEW_TOKENS, form={"regex": REGEX}, template="plain")
    assert isinstance(answer, Generation)
    assert re.fullmatch(REGEX, answer.text)


def test_a_model_may_have_more_logits_than_there_are_tokens() -> None:
    llm = resident(tiny_models.llama(vocab_size=len(tiny_models.tokenizer()) + 7))
    found = answers(llm, texts(6, longest_words=6), {"regex": ".{9}"})
    assert all(len(answer.text) == 9 for answer in found)


def test_models_that_go_the_plain_way_have_forms_too() -> None:
    llm = resident(tiny_models.bloom())
    assert not llm.takes_cascades
    for answer in answers(llm, texts(2, longest_words=6), {"regex": REGEX}):
        assert re.fullmatch(REGEX, answer.text)


def test_what_runs_out_of_memory_begins_its_form_anew(
    llm: ResidentModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts = texts(4, longest_words=6)
    expected = answers(llm, prompts, {"json": SCHEMA})

    def failures() -> Iterator[bool]:
        yield from [False] * 9
        yield True
        while True:
            yield False

    fails, forward = failures(), llm.model.forward

    def running_out(*args: Any, **given: Any) -> Any:
        if next(fails):
            raise torch.OutOfMemoryError("out of memory")
        return forward(*args, **given)

    monkeypatch.setattr(llm.model, "forward", running_out)
    assert answers(llm, prompts, {"json": SCHEMA}) == expected
