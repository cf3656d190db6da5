"""The task of ``pcm batch``: checked requests of an OpenAI Batch file in, answers out.

It travels to the workers by value and refers to nothing of pcm there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pcm.recipe import task

PROMPT_CHARACTERS_PER_TOKEN = 40
"""So many characters of a prompt cost about as much as one generated token: a prompt is read in
one pass, and a token has about four characters."""


@task
def answer(
    llm: Any,
    requests: Sequence[dict[str, Any]],
    max_tokens: int,
    template: str = "model",
    opening: Sequence[dict[str, str]] = (),
) -> Iterator[dict[str, Any] | Exception]:
    """Answer each request (``pcm.formats.openai_requests.Request`` as a dict) by the model.

    ``max_tokens`` is for requests that name no limit; ``template`` writes out conversations: the
    model's own, or the plain form; ``opening`` are the turns with which most of them begin. Yields
    ``Answer`` as a dict, or a ValueError that says why the model refuses a request.
    """

    def parameters(some: Sequence[dict[str, Any]]) -> dict[str, Any]:
        return {
            "max_new_tokens": [one["max_tokens"] or max_tokens for one in some],
            "temperature": [one["temperature"] for one in some],
            "top_p": [one["top_p"] for one in some],
            "seed": [one["seed"] for one in some],
            "stop": [one["stop"] for one in some],
            "form": [one["form"] for one in some],
        }

    chats = [request for request in requests if request["messages"] is not None]
    texts = [request for request in requests if request["messages"] is None]
    answers: dict[bool, Iterator[Any]] = {}
    if chats:
        conversations = [chat["messages"] for chat in chats]
        written = {"template": template, "opening": opening}
        answers[True] = iter(llm.chat(conversations, **parameters(chats), **written))
    if texts:
        answers[False] = iter(llm.generate([text["prompt"] for text in texts], **parameters(texts)))
    for request in requests:
        generation = next(answers[request["messages"] is not None])
        if isinstance(generation, Exception):
            yield generation
            continue
        yield {
            "text": generation.text,
            "url": request["url"],
            "model": request["model"],
            "finish_reason": generation.finish_reason,
            "prompt_tokens": generation.prompt_tokens,
            "completion_tokens": generation.completion_tokens,
        }


def cost(request: dict[str, Any], max_tokens: int) -> float:
    """Expected work of a request, in generated tokens."""
    text = request["prompt"] or "".join(turn["content"] for turn in request["messages"] or ())
    return 1.0 + len(text) / PROMPT_CHARACTERS_PER_TOKEN + (request["max_tokens"] or max_tokens)
