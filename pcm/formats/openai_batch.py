"""Answers in the OpenAI Batch format: what a task gives for a request, and the lines made of it."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from pcm.formats.base import OpenFile, OutputFile
from pcm.formats.openai_prompts import CHAT, TEXT, Endpoint
from pcm.formats.openai_reader import check_requests, read_requests
from pcm.formats.openai_requests import Request
from pcm.formats.rows import About, FinishedRow, Rows, error_of, key_of, value_of
from workers.protocol import ErrorReport

__all__ = [
    "CHAT",
    "TEXT",
    "Answer",
    "OpenAIBatch",
    "Request",
    "check_requests",
    "read_requests",
    "response_body",
]

BAD_REQUEST, SERVER_ERROR = 400, 500


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a task gives for a request (as a dict: ``msgspec.to_builtins``), to be a row's value.

    ``finish_reason`` is ``stop`` or ``length``; ``model`` is the name that the request used.
    """

    text: str
    url: Endpoint = CHAT
    model: str = ""
    finish_reason: str = "stop"
    prompt_tokens: int = 0
    completion_tokens: int = 0


class OpenAIBatch(OutputFile, frozen=True, tag="openai_batch"):
    """A batch output file; clients match lines on ``custom_id``, which is the item's key.

    Failed items have a status code of 400 (the input was refused: ValueError) or 500, and an error
    object; with an ``error_path`` they stand there and not among the answers (that file is empty if
    nothing failed). ``model`` is named in answers that do not name one. A value need not be an
    ``Answer``: an object with ``choices`` is taken as the body, text as the text, and any other
    value as its JSON.
    """

    path: str
    error_path: str | None = None
    model: str = ""

    def paths(self) -> list[str]:
        return [self.path] if self.error_path is None else [self.path, self.error_path]

    def write(self, rows: Rows, about: About, open_file: OpenFile) -> None:
        encoder = msgspec.json.Encoder()
        answers = open_file(self.path)
        errors = answers if self.error_path is None else open_file(self.error_path)
        for row in rows.rows_in_order():
            file = answers if row.error is None else errors
            file.write(encoder.encode(output_line(row, about.run, self.model)) + b"\n")


def output_line(row: FinishedRow, run: str, model: str) -> dict[str, Any]:
    """The object of one item. Ids are hashes of run and key: written again, they are the same."""
    key = key_of(row)
    number = hashlib.blake2b(f"{run} {row.key}".encode(), digest_size=16).hexdigest()
    error = error_of(row)
    if error is None:
        body = _body(value_of(row), number, int(row.at), model)
        response: dict[str, Any] = {"status_code": 200, "body": body}
        failure = None
    else:
        failure = {"code": error.type, "message": error.message or error.type}
        status = BAD_REQUEST if error.type == "ValueError" else SERVER_ERROR
        response = {"status_code": status, "body": {"error": _error_object(error, status)}}
    return {
        "id": f"batch_req_{number}",
        "custom_id": key if isinstance(key, str) else str(key),
        "response": {"request_id": number, **response},
        "error": failure,
    }


def response_body(answer: Answer, number: str, created: int, model: str = "") -> dict[str, Any]:
    """A chat.completion or text_completion object; ``created``: unix seconds."""
    choice: dict[str, Any] = {"index": 0, "finish_reason": answer.finish_reason, "logprobs": None}
    if answer.url == CHAT:
        choice["message"] = {"role": "assistant", "content": answer.text, "refusal": None}
    else:
        choice["text"] = answer.text
    return {
        "id": f"{'chatcmpl' if answer.url == CHAT else 'cmpl'}-{number}",
        "object": "chat.completion" if answer.url == CHAT else "text_completion",
        "created": created,
        "model": answer.model or model,
        "choices": [choice],
        "usage": {
            "prompt_tokens": answer.prompt_tokens,
            "completion_tokens": answer.completion_tokens,
            "total_tokens": answer.prompt_tokens + answer.completion_tokens,
        },
    }


def _body(value: Any, number: str, created: int, model: str) -> dict[str, Any]:
    if isinstance(value, dict) and "choices" in value:
        return value
    return response_body(_answer(value), number, created, model)


def _answer(value: Any) -> Answer:
    if isinstance(value, str):
        return Answer(value)
    try:
        return msgspec.convert(value, Answer)
    except msgspec.ValidationError:
        return Answer(msgspec.json.encode(value).decode())


def _error_object(error: ErrorReport, status: int) -> dict[str, Any]:
    kind = "invalid_request_error" if status == BAD_REQUEST else "server_error"
    return {"message": error.message or error.type, "type": kind, "param": None, "code": error.type}
