from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from pcm.cli.openai_task import answer, cost
from pcm.formats import read_requests
from workers.inference.base import Generation, LanguageModel


class Echo(LanguageModel):
    """Answers with what it was asked, and refuses prompts that are too long."""

    def choose(self, prompts: Sequence[str], labels: Sequence[str], prefix: str = "") -> Any:
        raise NotImplementedError

    def generate(self, prompts: Sequence[str], *args: Any, **given: Any) -> Iterator[Any]:
        for index, prompt in enumerate(prompts):
            own = {name: values[index] for name, values in given.items()}
            if len(prompt) > 20:
                yield ValueError("the prompt is too long")
            else:
                yield Generation(f"{prompt} {json.dumps(own)}", [], "length", 3, 5)

    def chat(self, conversations: Sequence[Any], *args: Any, **given: Any) -> Iterator[Any]:
        assert given.pop("template") == "plain"
        assert given.pop("opening") == ()
        return self.generate([turns[-1]["content"] for turns in conversations], **given)


def line(custom_id: str, url: str, **body: Any) -> str:
    request = {"custom_id": custom_id, "method": "POST", "url": url}
    return json.dumps({**request, "body": {"model": "tiny", **body}})


def chat(custom_id: str, content: str, **body: Any) -> str:
    messages = [{"role": "user", "content": content}]
    return line(custom_id, "/v1/chat/completions", messages=messages, **body)


def requests(tmp_path: Path, *lines: str) -> list[dict[str, Any]]:
    path = tmp_path / "in.jsonl"
    path.write_text("\n".join(lines))
    return [msgspec.to_builtins(request) for request in read_requests(path)]


def test_every_request_has_its_own_answer_with_its_own_parameters(tmp_path: Path) -> None:
    given = requests(
        tmp_path,
        chat("a", "hello", max_tokens=7, temperature=0.5, seed=3, stop="."),
        line("b", "/v1/completions", prompt="once"),
        chat("c", "far too long " * 3),
        chat("d", "bye", top_p=0.5, response_format={"type": "json_object"}),
    )
    answers = list(answer(Echo(), given, max_tokens=50, template="plain"))
    assert [type(one) for one in answers] == [dict, dict, ValueError, dict]
    parameters = [json.loads(one["text"].partition(" ")[2]) for one in answers if type(one) is dict]
    neutral = {"temperature": 1.0, "top_p": 1.0, "seed": None, "stop": [], "form": None}
    anything = {"json": {"type": "object"}}
    assert parameters == [
        neutral | {"max_new_tokens": 7, "temperature": 0.5, "seed": 3, "stop": ["."]},
        neutral | {"max_new_tokens": 16},
        neutral | {"max_new_tokens": 50, "top_p": 0.5, "form": anything},
    ]
    first = answers[0]
    assert isinstance(first, dict)
    assert first["text"].startswith("hello ")
    assert {name: first[name] for name in first if name != "text"} == {
        "url": "/v1/chat/completions",
        "model": "tiny",
        "finish_reason": "length",
        "prompt_tokens": 3,
        "completion_tokens": 5,
    }


def test_one_kind_of_request_alone(tmp_path: Path) -> None:
    texts = requests(tmp_path, line("a", "/v1/completions", prompt="x"))
    assert len(list(answer(Echo(), texts, max_tokens=5, template="plain"))) == 1
    chats = requests(tmp_path, chat("a", "x"))
    assert len(list(answer(Echo(), chats, max_tokens=5, template="plain"))) == 1


def test_work_is_counted_in_tokens(tmp_path: Path) -> None:
    first, second = requests(
        tmp_path, chat("a", "x" * 80, max_tokens=9), line("b", "/v1/completions", prompt="")
    )
    assert cost(first, 50) == 1 + 2 + 9
    assert cost(second, 50) == 1 + 16
