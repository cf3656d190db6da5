"""Conversations as prompts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from workers.inference.base import Message
from workers.inference.prefix import PROBES, common_beginning

Turns = tuple[tuple[str, str], ...]

LEAST_OPENING_TOKENS = 64
"""Attention to a state besides one's own costs a little at every token of an answer."""

ROLES = {"system": "System", "user": "User", "assistant": "Assistant"}


def chat_tokens(
    tokenizer: Any, conversation: Sequence[Message], template: Literal["model", "plain"]
) -> list[int]:
    """The tokens after which the assistant's next answer stands.

    Raises ValueError for an empty conversation, a message without role or content, a model without
    a chat template, and what the template itself refuses.
    """
    messages = list(map(_checked, conversation))
    if not messages:
        raise ValueError("the conversation has no messages")
    if template == "plain":
        lines = [f"{ROLES.get(m['role'], m['role'])}: {m['content']}" for m in messages]
        return list(tokenizer("\n".join([*lines, "Assistant:"]))["input_ids"])
    if not tokenizer.chat_template:
        raise ValueError(
            "the model has no chat template; choose a model made for chat, send completions "
            'instead, or set template="plain"'
        )
    try:
        text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    except Exception as error:
        raise ValueError(f"the model's chat template refuses the conversation: {error}") from error
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def checked_turns(conversation: Sequence[Message]) -> Turns:
    """(role, content) of every message. Raises ValueError for one without."""
    return tuple((m["role"], m["content"]) for m in map(_checked, conversation))


def opening_tokens(
    tokenizer: Any, opening: Turns, template: Literal["model", "plain"]
) -> list[int]:
    """The tokens that every conversation has at its beginning if it begins with these turns and
    goes on. They depend on the opening alone. None if they are too few to be worth a state of
    their own, or if the template refuses the opening."""
    if not opening:
        return []
    turns = [{"role": role, "content": content} for role, content in opening]
    role = "assistant" if turns[-1]["role"] == "user" else "user"
    going_on = [[*turns, {"role": role, "content": probe}] for probe in PROBES]
    try:
        tokens = common_beginning([chat_tokens(tokenizer, one, template) for one in going_on])
    except ValueError:
        return []  # a conversation with it is refused in the same words
    return tokens if len(tokens) >= LEAST_OPENING_TOKENS else []


def _checked(message: Message) -> dict[str, str]:
    role, content = message.get("role"), message.get("content")
    if not isinstance(role, str) or not isinstance(content, str):
        raise ValueError("a message needs a role and a content, both of them text")
    return {"role": role, "content": content}
