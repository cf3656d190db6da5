"""Conversations as prompts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from workers.inference.base import Message

ROLES = {"system": "System", "user": "User", "assistant": "Assistant"}


def chat_tokens(
    tokenizer: Any, conversation: Sequence[Message], template: Literal["model", "plain"]
) -> list[int]:
    """The tokens after which the assistant's next answer stands.

    Raises ValueError for an empty conversation, a message without role or content, a model without
    a chat template, and what the template itself refuses.
    """
    messages = [_checked(message) for message in conversation]
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


def _checked(message: Message) -> dict[str, str]:
    role, content = message.get("role"), message.get("content")
    if not isinstance(role, str) or not isinstance(content, str):
        raise ValueError("a message needs a role and a content, both of them text")
    return {"role": role, "content": content}
