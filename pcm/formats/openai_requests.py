"""One request of an OpenAI Batch file: checked, and made ready for a language model.

The format: https://platform.openai.com/docs/guides/batch (also read by ``vllm run-batch``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pcm.formats.lines import json_type
from pcm.formats.openai_forms import form_of
from pcm.formats.openai_parameters import Problem, parameter_problems
from pcm.formats.openai_prompts import (
    CHAT,
    TEXT,
    Endpoint,
    messages_problems,
    plain_message,
    plain_prompt,
    prompt_problems,
)

DEFAULT_MAX_TOKENS = {CHAT: None, TEXT: 16}
"""What the OpenAI API takes for a request that names no limit; None: up to the model's own."""


class Request(msgspec.Struct, frozen=True):
    """A checked request. ``msgspec.to_builtins`` of it is an item: plain data, key ``custom_id``.

    Chat requests have ``messages`` (role system, user or assistant; content text), the others a
    ``prompt``. ``max_tokens`` is None where only the model's own limit holds. ``form`` is what the
    answer must be (`workers.inference.base.Form`), None if anything.
    """

    custom_id: str
    url: Endpoint
    model: str
    messages: list[dict[str, str]] | None = None
    prompt: str | None = None
    max_tokens: int | None = None
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int | None = None
    stop: list[str] = []
    form: dict[str, Any] | None = None


def request_problems(line: Mapping[str, Any]) -> list[Problem]:
    """Everything that is wrong with a line's object; [] if nothing is."""
    problems: list[Problem] = []
    custom_id = line.get("custom_id")
    if "custom_id" not in line:
        problems.append(("custom_id", "is missing", "add a text that no other line has"))
    elif not isinstance(custom_id, str) or not custom_id:
        what = "is empty" if custom_id == "" else f"is {json_type(custom_id)}"
        problems.append(("custom_id", what, "give a text that no other line has"))
    if line.get("method") != "POST":
        what = f"is {line['method']!r}" if "method" in line else "is missing"
        problems.append(("method", what, 'give "POST"'))
    body = line.get("body")
    if not isinstance(body, dict):
        what = f"is {json_type(body)}" if "body" in line else "is missing"
        problems.append(("body", what, "give an object with model and messages or prompt"))
        return problems + _url_problems(line)
    inside = [*_model_problems(body), *parameter_problems(body)]
    if line.get("url") == CHAT:
        inside += messages_problems(body)
    elif line.get("url") == TEXT:
        inside += prompt_problems(body)
    else:
        problems += _url_problems(line)
    return problems + [(f"body.{field}", problem, mend) for field, problem, mend in inside]


def request_of(line: Mapping[str, Any]) -> Request:
    """The request of a line that has no problems."""
    body, url = line["body"], line["url"]
    given = {name: value for name, value in body.items() if value is not None}
    stop = given.get("stop", [])
    return Request(
        custom_id=line["custom_id"],
        url=url,
        model=body["model"],
        messages=[plain_message(message) for message in body["messages"]] if url == CHAT else None,
        prompt=plain_prompt(body["prompt"]) if url == TEXT else None,
        max_tokens=given.get(
            "max_completion_tokens", given.get("max_tokens", DEFAULT_MAX_TOKENS[url])
        ),
        temperature=float(given.get("temperature", 1.0)),
        top_p=float(given.get("top_p", 1.0)),
        seed=given.get("seed"),
        stop=stop if isinstance(stop, list) else [stop],
        form=form_of(body),
    )


def _url_problems(line: Mapping[str, Any]) -> list[Problem]:
    url = line.get("url")
    if url in (CHAT, TEXT):
        return []
    mend = f"give {CHAT} or {TEXT}"
    if url == "/v1/embeddings":
        return [("url", "embeddings are not supported: only generated text is", mend)]
    return [("url", "is missing" if "url" not in line else f"{url!r} is not supported", mend)]


def _model_problems(body: Mapping[str, Any]) -> list[Problem]:
    model = body.get("model")
    if isinstance(model, str) and model:
        return []
    what = "is missing" if "model" not in body else "is empty or no text"
    return [("model", what, "give the name of the model")]
