from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pcm.errors import InputError
from pcm.formats import read_requests
from pcm.formats.openai_batch import CHAT, TEXT, Request

MESSAGES = [{"role": "user", "content": "hello"}]


def chat(custom_id: str = "a", /, **body: Any) -> dict[str, Any]:
    content = {"model": "m", "messages": MESSAGES, **body}
    return {"custom_id": custom_id, "method": "POST", "url": CHAT, "body": content}


def text(custom_id: str = "a", /, **body: Any) -> dict[str, Any]:
    content = {"model": "m", "prompt": "once", **body}
    return {"custom_id": custom_id, "method": "POST", "url": TEXT, "body": content}


def without(request: dict[str, Any], field: str) -> dict[str, Any]:
    return {name: value for name, value in request.items() if name != field}


def read(tmp_path: Path, *lines: Any, **options: Any) -> list[Request]:
    path = tmp_path / "in.jsonl"
    path.write_text(
        "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    )
    return list(read_requests(path, **options))


def complaint(tmp_path: Path, *lines: Any) -> str:
    with pytest.raises(InputError) as caught:
        read(tmp_path, *lines)
    return str(caught.value)


def test_requests_are_made_plain(tmp_path: Path) -> None:
    parts = [{"type": "text", "text": "one "}, {"type": "text", "text": "two"}]
    first, second, third = read(
        tmp_path,
        chat(
            "x",
            messages=[
                {"role": "developer", "content": "be brief"},
                *MESSAGES,
                {"role": "assistant", "content": parts},
            ],
            max_completion_tokens=7,
            max_tokens=9,
            temperature=0,
            top_p=0.5,
            seed=3,
            stop="END",
            user="me",
        ),
        chat("y"),
        text("z", prompt=["twice"], max_tokens=None, stop=["a", "b"], n=1, stream=False),
    )
    assert first == Request(
        "x",
        CHAT,
        "m",
        messages=[
            {"role": "system", "content": "be brief"},
            *MESSAGES,
            {"role": "assistant", "content": "one two"},
        ],
        max_tokens=7,
        temperature=0.0,
        top_p=0.5,
        seed=3,
        stop=["END"],
    )
    assert second.max_tokens is None
    assert second.temperature == 1.0
    assert third == Request("z", TEXT, "m", prompt="twice", max_tokens=16, stop=["a", "b"])
    assert msgspec.to_builtins(third)["custom_id"] == "z"


def test_a_limit(tmp_path: Path) -> None:
    assert [request.custom_id for request in read(tmp_path, chat("a"), chat("b"), limit=1)] == ["a"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{not json", "is not JSON"),
        ("[]", "is a list, not an object"),
        (without(chat(), "custom_id"), "custom_id: is missing"),
        (chat(7), "custom_id: is a whole number"),  # type: ignore[arg-type]
        (chat(""), "custom_id: is empty"),
        (chat() | {"method": "GET"}, "method: is 'GET'"),
        (without(chat(), "method"), "method: is missing"),
        (chat() | {"url": "/v1/embeddings"}, "url: embeddings are not supported"),
        (chat() | {"url": "/v1/images"}, "url: '/v1/images' is not supported"),
        (chat() | {"url": ["a"]}, "url: ['a'] is not supported"),
        (without(chat(), "url"), "url: is missing"),
        (without(chat(), "body"), "body: is missing"),
        (chat() | {"body": "x"}, "body: is text"),
        (chat(model=None), "body.model: is empty or no text"),
        (chat() | {"body": {"messages": MESSAGES}}, "body.model: is missing"),
        (chat() | {"body": {"model": "m"}}, "body.messages: is missing"),
        (chat(messages=[]), "body.messages: is empty"),
        (chat(messages="hi"), "body.messages: is text"),
        (chat(messages=["hi"]), "body.messages[0]: is text"),
        (chat(messages=[{"content": "x"}]), "body.messages[0].role: is missing"),
        (
            chat(messages=[*MESSAGES, {"role": "tool", "content": "x"}]),
            "body.messages[1].role: 'tool' is not supported",
        ),
        (chat(messages=[{"role": ["user"], "content": "x"}]), "body.messages[0].role: ['user']"),
        (chat(messages=[{"role": "user"}]), "body.messages[0].content: is missing"),
        (
            chat(messages=[{"role": "user", "content": [{"type": "image_url"}]}]),
            "body.messages[0].content: has a part of type 'image_url'",
        ),
        (chat(prompt="x"), "body.prompt: does not belong to /v1/chat/completions"),
        (text() | {"body": {"model": "m"}}, "body.prompt: is missing"),
        (text(prompt=["a", "b"]), "body.prompt: is a list of 2 texts"),
        (text(prompt=[1, 2]), "body.prompt: tokens are not supported"),
        (text(prompt=7), "body.prompt: is a whole number"),
        (text(messages=MESSAGES), "body.messages: does not belong to /v1/completions"),
        (chat(max_tokens="7"), "body.max_tokens: is '7'; give a whole number from 1 up"),
        (chat(max_tokens=0), "body.max_tokens: is 0"),
        (chat(max_completion_tokens=True), "body.max_completion_tokens: is True"),
        (chat(temperature=2.5), "body.temperature: is 2.5"),
        (chat(temperature="hot"), "body.temperature: is 'hot'"),
        (chat(top_p=0), "body.top_p: is 0"),
        (chat(seed=1.5), "body.seed: is 1.5"),
        (chat(stop=["a"] * 5), "body.stop: is"),
        (chat(stop=[""]), "body.stop: is"),
        (chat(n=2), "body.n: 2 is not supported"),
        (chat(n=True), "body.n: True is not supported"),
        (chat(stream=True), "body.stream: True is not supported"),
        (chat(logprobs=True, top_logprobs=5), "body.logprobs: True is not supported"),
        (text(logprobs=0), "body.logprobs: 0 is not supported"),
        (chat(tools=[{"type": "function"}]), "body.tools"),
        (chat(guided_choice="ab"), "body.guided_choice: is text; give a list of one text"),
        (chat(temprature=1), "body.temprature: is not a known parameter"),
    ],
)
def test_what_is_wrong_is_said_by_line_and_field(
    tmp_path: Path, line: dict[str, Any] | str, expected: str
) -> None:
    assert f"in.jsonl:2: {expected}" in complaint(tmp_path, chat("first"), line)


def test_duplicate_ids_name_both_lines(tmp_path: Path) -> None:
    told = complaint(tmp_path, chat("a"), "", chat("b"), chat("a"))
    assert "in.jsonl:4: custom_id: the same as in line 1" in told


def test_several_mistakes_are_told_together(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    told = complaint(tmp_path, chat("a", n=2, top_p=7), "{", chat("a"), without(chat("b"), "url"))
    lines = told.splitlines()
    assert lines[0] == f"{path}: 5 mistakes:"
    assert [line.split(": ")[0] for line in lines[1:]] == [
        f"  {path}:{line}" for line in (1, 1, 2, 3, 4)
    ]


def test_many_mistakes_are_cut_off(tmp_path: Path) -> None:
    told = complaint(tmp_path, *["{"] * 50)
    assert told.count("is not JSON") == 20
    assert told.endswith("and there are more")


def test_files_without_requests(tmp_path: Path) -> None:
    assert "holds no requests" in complaint(tmp_path)
    with pytest.raises(InputError, match="no such file"):
        read_requests(tmp_path / "nothing")
