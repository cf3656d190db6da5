"""Conversations are written out by the model's template, or plainly where that is chosen."""

from __future__ import annotations

from typing import Any

import pytest

from tests.inference.conftest import resident
from tests.inference.tiny_models import PREFIX, texts
from workers.inference import Generation
from workers.inference.chat import chat_tokens, checked_turns, opening_tokens
from workers.inference.resident import ResidentModel

pytestmark = pytest.mark.models
TALK = [{"role": "user", "content": "the river"}]
TEMPLATE = (
    "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


@pytest.fixture
def talkative(monkeypatch: pytest.MonkeyPatch) -> ResidentModel:
    llm = resident()
    monkeypatch.setattr(llm.tokenizer, "chat_template", TEMPLATE)
    return llm


def test_a_conversation_is_answered_after_the_models_template(talkative: ResidentModel) -> None:
    (answer,) = talkative.chat([TALK], 5)
    (expected,) = talkative.generate(["<user>the river<assistant>"], 5)
    assert isinstance(answer, Generation)
    assert answer == expected


def test_a_model_without_template_says_so_and_the_plain_form_can_be_chosen(
    llm: ResidentModel,
) -> None:
    (refused,) = llm.chat([TALK], 5)
    assert isinstance(refused, ValueError)
    assert "no chat template" in str(refused)
    (answer,) = llm.chat([TALK], 5, template="plain")
    assert [answer] == list(llm.generate(["User: the river\nAssistant:"], 5))


@pytest.mark.parametrize(
    ("conversation", "message"),
    [
        ([], "no messages"),
        ([{"role": "user"}], "role and a content"),
        ([{"role": "user", "content": ["picture"]}], "both of them text"),
        ([{"role": "system", "content": "be brief"}], "no system"),
    ],
)
def test_a_bad_conversation_is_an_error_of_its_own(
    talkative: ResidentModel, conversation: list[Any], message: str
) -> None:
    bad, good = talkative.chat([conversation, TALK], 5)
    assert isinstance(bad, ValueError)
    assert message in str(bad)
    assert isinstance(good, Generation)


def test_the_plain_form_names_every_speaker() -> None:
    talk = [{"role": "system", "content": "a"}, *TALK, {"role": "assistant", "content": "b"}]
    llm = resident()
    text = llm.tokenizer.decode(chat_tokens(llm.tokenizer, talk, "plain"))
    assert text == "System: a\nUser: the river\nAssistant: b\nAssistant:"


OPENING = [{"role": "system", "content": PREFIX * 4}, *TALK, {"role": "assistant", "content": "b"}]


def talks(*opening: dict[str, str]) -> list[list[dict[str, str]]]:
    some = texts(5, seed=7, longest_words=5)
    return [[*opening, {"role": "user", "content": text}] for text in some]


def test_the_state_of_an_opening_is_computed_once_and_changes_no_answer() -> None:
    llm = resident()
    mixed = [*talks(*OPENING), *talks(), OPENING, []]
    answers = list(llm.chat(mixed, 8, template="plain", opening=OPENING))
    again = list(llm.chat(mixed, 8, template="plain", opening=OPENING))
    assert llm.prefixes.computed == 1
    whole = list(llm.chat(mixed, 8, template="plain"))
    assert all(isinstance(answer, Generation) for answer in answers[:-1])
    assert answers[:-1] == again[:-1] == whole[:-1]
    assert [str(one) for one in (answers[-1], whole[-1])] == [
        "the conversation has no messages"
    ] * 2


@pytest.mark.parametrize("opening", [OPENING[:1], OPENING[:2], OPENING], ids=["s", "su", "sua"])
def test_an_opening_covers_what_all_that_goes_on_after_it_has(
    opening: list[dict[str, str]],
) -> None:
    llm = resident()
    found = opening_tokens(llm.tokenizer, checked_turns(opening), "plain")
    role = "assistant" if len(opening) == 2 else "user"
    for content in ("", "copper", " and", "\n"):
        whole = chat_tokens(llm.tokenizer, [*opening, {"role": role, "content": content}], "plain")
        assert whole[: len(found)] == found
    assert len(found) > len(llm.tokenizer(PREFIX * 4)["input_ids"]) - 2


def test_whether_a_conversation_has_the_opening_depends_on_nothing_beside_it() -> None:
    llm = resident()
    mixed = [*talks(*OPENING), *talks()]
    together = list(llm.chat(mixed, 8, 1.0, template="plain", opening=OPENING))
    for talk, answer in zip(mixed, together, strict=True):
        assert list(llm.chat([talk], 8, 1.0, template="plain", opening=OPENING)) == [answer]


def test_openings_that_have_no_state(talkative: ResidentModel) -> None:
    tokens, short = talkative.tokenizer, [{"role": "user", "content": "hi"}]
    assert opening_tokens(tokens, (), "model") == []
    assert opening_tokens(tokens, checked_turns(short), "model") == []
    assert opening_tokens(tokens, checked_turns(OPENING), "model") == []  # it refuses the system
    with pytest.raises(ValueError, match="role and a content"):
        talkative.chat([TALK], 5, opening=[{"role": "user"}])
    with pytest.raises(ValueError, match="not both"):
        talkative.chat([TALK], 5, opening=TALK, find_prefix=True)
