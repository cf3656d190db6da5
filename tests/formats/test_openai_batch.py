from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from pcm.formats import OpenAIBatch, write_outputs
from pcm.formats.openai_batch import TEXT, Answer
from tests.formats.finished import Finished, bad, good
from tests.journal.runs import manifest


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def written(directory: Path, output: OpenAIBatch, *rows: Any) -> list[Any]:
    write_outputs(Finished(*rows), manifest(), directory, [output])
    return lines(directory / output.path)


ANSWER = Answer("hi", model="named", finish_reason="length", prompt_tokens=3, completion_tokens=2)


def test_chat_answers(tmp_path: Path) -> None:
    (line,) = written(tmp_path, OpenAIBatch("o"), good(0, msgspec.to_builtins(ANSWER)))
    number = line["response"]["request_id"]
    assert line == {
        "id": f"batch_req_{number}",
        "custom_id": "k0",
        "response": {
            "request_id": number,
            "status_code": 200,
            "body": {
                "id": f"chatcmpl-{number}",
                "object": "chat.completion",
                "created": 1_000_000_000,
                "model": "named",
                "choices": [
                    {
                        "index": 0,
                        "finish_reason": "length",
                        "logprobs": None,
                        "message": {"role": "assistant", "content": "hi", "refusal": None},
                    }
                ],
                "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
            },
        },
        "error": None,
    }


def test_completions(tmp_path: Path) -> None:
    value = msgspec.to_builtins(Answer("hi", url=TEXT))
    (line,) = written(tmp_path, OpenAIBatch("o", model="m"), good(0, value))
    body = line["response"]["body"]
    assert body["object"] == "text_completion"
    assert body["id"].startswith("cmpl-")
    assert body["model"] == "m"
    assert body["choices"][0]["text"] == "hi"


def test_other_values_make_answers_too(tmp_path: Path) -> None:
    body = {"object": "chat.completion", "choices": []}
    whole, text, other, number = written(
        tmp_path, OpenAIBatch("o"), good(0, body), good(1, "hi"), good(2, {"x": 1}), good(3, 7)
    )
    assert whole["response"]["body"] == body
    contents = [
        line["response"]["body"]["choices"][0]["message"]["content"]
        for line in (text, other, number)
    ]
    assert contents == ["hi", '{"x":1}', "7"]


def test_errors_among_the_answers(tmp_path: Path) -> None:
    first, second = written(tmp_path, OpenAIBatch("o"), bad(0), bad(1, "ValueError", "too long"))
    assert first["error"] == {"code": "KeyError", "message": "'x'"}
    assert first["response"]["status_code"] == 500
    assert first["response"]["body"]["error"]["type"] == "server_error"
    assert second["response"]["status_code"] == 400
    assert second["response"]["body"]["error"]["message"] == "too long"


def test_errors_in_a_file_of_their_own(tmp_path: Path) -> None:
    output = OpenAIBatch("o", "e")
    answers = written(tmp_path, output, good(0, "a"), bad(1), good(2, "b"))
    assert [line["custom_id"] for line in answers] == ["k0", "k2"]
    assert [line["custom_id"] for line in lines(tmp_path / "e")] == ["k1"]
    written(tmp_path, output, good(0, "a"), good(1, "c"))
    assert lines(tmp_path / "e") == []


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        written(tmp_path, OpenAIBatch(name), good(0, "x"), good(1, "x", key=5))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    one, two = lines(tmp_path / "a")
    assert one["id"] != two["id"]
    assert two["custom_id"] == "5"
