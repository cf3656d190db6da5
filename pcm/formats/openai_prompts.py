"""What a model is asked in a request: messages or a prompt, checked and made plain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pcm.formats.lines import json_type
from pcm.formats.openai_parameters import Problem

Endpoint = Literal["/v1/chat/completions", "/v1/completions"]
CHAT: Endpoint = "/v1/chat/completions"
TEXT: Endpoint = "/v1/completions"

_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
"""Roles that are taken, and the role that the model's chat template knows them by."""


def prompt_problems(body: Mapping[str, Any]) -> list[Problem]:
    mend = "give one text"
    if "messages" in body:
        return [("messages", f"does not belong to {TEXT}", f"give prompt, or url {CHAT}")]
    if "prompt" not in body:
        return [("prompt", "is missing", mend)]
    prompt = body["prompt"]
    if isinstance(prompt, str) or (
        isinstance(prompt, list) and len(prompt) == 1 and isinstance(prompt[0], str)
    ):
        return []
    if isinstance(prompt, list) and len(prompt) > 1 and isinstance(prompt[0], str):
        return [("prompt", f"is a list of {len(prompt)} texts", "write a line for each of them")]
    if isinstance(prompt, list) and prompt:
        return [("prompt", "tokens are not supported", mend)]
    return [("prompt", f"is {json_type(prompt)}", mend)]


def plain_prompt(prompt: str | list[str]) -> str:
    return prompt if isinstance(prompt, str) else prompt[0]


def messages_problems(body: Mapping[str, Any]) -> list[Problem]:
    if "prompt" in body:
        return [("prompt", f"does not belong to {CHAT}", f"give messages, or url {TEXT}")]
    messages = body.get("messages")
    if "messages" not in body:
        return [("messages", "is missing", "give a list of messages")]
    if not isinstance(messages, list) or not messages:
        what = "is empty" if messages == [] else f"is {json_type(messages)}"
        return [("messages", what, "give a list of messages")]
    problems: list[Problem] = []
    for index, message in enumerate(messages):
        field = f"messages[{index}]"
        if not isinstance(message, dict):
            mend = "give an object with role and content"
            problems.append((field, f"is {json_type(message)}", mend))
            continue
        role = message.get("role")
        if not isinstance(role, str) or role not in _ROLES:
            what = "is missing" if "role" not in message else f"{role!r} is not supported"
            problems.append((f"{field}.role", what, f"give one of {', '.join(_ROLES)}"))
        what = _content_problem(message)
        if what:
            problems.append((f"{field}.content", what, "give text, or a list of text parts"))
    return problems


def _content_problem(message: Mapping[str, Any]) -> str:
    """Content is text, or a list of ``{"type": "text", "text": ...}``."""
    if "content" not in message:
        return "is missing"
    content = message["content"]
    if isinstance(content, str):
        return ""
    if not isinstance(content, list) or not content:
        return f"is {json_type(content)}" if content != [] else "is empty"
    for part in content:
        if not isinstance(part, dict) or part.get("type") != "text":
            kind = part.get("type") if isinstance(part, dict) else json_type(part)
            return f"has a part of type {kind!r}"
        if not isinstance(part.get("text"), str):
            return "has a text part without text"
    return ""


def plain_message(message: Mapping[str, Any]) -> dict[str, str]:
    content = message["content"]
    if not isinstance(content, str):
        content = "".join(part["text"] for part in content)
    return {"role": _ROLES[message["role"]], "content": content}
