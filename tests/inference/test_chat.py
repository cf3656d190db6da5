"""Conversations are written out by the model's template, or plainly where that is chosen."""

from __future__ import annotations

from typing import Any

import pytest

from tests.inference.conftest import resident
from workers.inference import Generation
from workers.inference.chat import chat_tokens
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
