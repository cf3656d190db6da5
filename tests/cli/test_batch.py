from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.cli.conftest import Project
from tests.cli.tiny_model import make
from workers.probe import ACCELERATORS_VARIABLE
from workers.protocol import Gpu

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("model"))


def text(custom_id: str, prompt: str, **body: Any) -> dict[str, Any]:
    request = {"custom_id": custom_id, "method": "POST", "url": "/v1/completions"}
    return {**request, "body": {"model": "tiny", "prompt": prompt, "max_tokens": 4, **body}}


def chat(custom_id: str, content: str, **body: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": content}]
    request = {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions"}
    return {**request, "body": {"model": "tiny", "messages": messages, "max_tokens": 4, **body}}


def write(project: Project, *requests: dict[str, Any]) -> None:
    lines = [json.dumps(request) for request in requests]
    (project.folder / "in.jsonl").write_text("\n".join(lines) + "\n")


def by_id(project: Project, path: str) -> dict[str, Any]:
    return {row["custom_id"]: row for row in project.rows(path)}


def test_requests_are_answered_and_a_refused_one_gets_its_error(
    project: Project, model: Path
) -> None:
    write(
        project,
        text("a", "once upon", temperature=0),
        chat("b", "hello", temperature=0),
        text("c", "far too long " * 20),
    )
    batch = ["batch", "-i", "in.jsonl", "-o", "out.jsonl", "--model", str(model)]
    batch += ["--chat-template", "plain", "--workers", "1"]
    end = project.pcm(*batch)
    assert end.code == 3, end
    rows = by_id(project, "out.jsonl")
    assert rows.keys() == {"a", "b", "c"}
    assert rows["a"]["response"]["status_code"] == 200
    assert rows["a"]["response"]["body"]["object"] == "text_completion"
    assert rows["a"]["response"]["body"]["usage"]["prompt_tokens"] == len("once upon")
    answered = rows["b"]["response"]["body"]
    assert answered["object"] == "chat.completion"
    assert answered["choices"][0]["message"]["role"] == "assistant"
    assert rows["c"]["response"]["status_code"] == 400
    assert "tokens" in rows["c"]["error"]["message"]

    again = project.pcm(*batch, "--error-file", "errors.jsonl", "--json")
    assert again.code == 3, again
    assert again.answer["succeeded"] == 2
    assert (project.folder / "out.jsonl.run").is_dir()

    write(project, text("a", "another"))
    other = project.pcm(*batch)
    assert other.code == 2, other
    assert "different run" in other.stderr


def test_a_model_is_split_over_the_gpus_of_a_worker(
    project: Project, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are said to be there. This model's one KV head is for one rank."""
    write(project, text("a", "once upon"))
    batch = ["batch", "-i", "in.jsonl", "-o", "out.jsonl", "--model", str(model), "--gpus", "2"]
    lacking = project.pcm(*batch)
    assert lacking.code == 2, lacking
    assert "gpus_per_worker: is 2, and of GPUs there are 0" in lacking.stderr
    two = [Gpu(number, f"GPU-{number}", "Made up", 1 << 40) for number in range(2)]
    monkeypatch.setenv(ACCELERATORS_VARIABLE, msgspec.json.encode(two).decode())
    end = project.pcm(*batch)
    assert end.code == 1, end
    assert "split over 2 ranks: num_key_value_heads is 1, which 2 ranks cannot" in end.stderr


def test_failed_requests_stand_in_the_error_file(project: Project, model: Path) -> None:
    write(project, text("a", "once"), text("c", "far too long " * 20))
    files = ["-i", "in.jsonl", "-o", "out.jsonl", "--error-file", "errors.jsonl"]
    end = project.pcm("batch", *files, "--model", str(model), "--workers", "1", "--json")
    assert (end.code, end.answer["failed"]) == (3, 1), end
    assert by_id(project, "out.jsonl").keys() == {"a"}
    assert by_id(project, "errors.jsonl").keys() == {"c"}


def test_bad_input_gives_2_and_starts_nothing(project: Project, model: Path) -> None:
    write(project, text("a", "x"), text("a", "y", n=2), text("b", "z", top_p=7))
    files = ["-i", "in.jsonl", "-o", "out.jsonl"]
    end = project.pcm("batch", *files, "--model", str(model), "--json")
    assert end.code == 2, end
    for words in ("in.jsonl:2: body.n", "in.jsonl:2: custom_id", "in.jsonl:3: body.top_p"):
        assert words in end.stderr
    write(project, text("a", "x"))
    assert project.pcm("batch", *files, "--model", "./absent").code == 2
    end = project.pcm("batch", "-i", "in.jsonl", "-o", "/dev/null/out", "--model", str(model))
    assert end.code == 2, end
    assert not (project.folder / "out.jsonl.run").exists()


def test_options_of_another_engine_give_2(project: Project, model: Path) -> None:
    write(project, text("a", "x"))
    files = ["-i", "in.jsonl", "-o", "out.jsonl", "--model", str(model)]
    for options, words in (
        (["--ssl"], "--ssl: goes with the taskvine engine; add --engine taskvine"),
        (["--workers", "0"], "workers: is 0, and this engine takes no workers from outside"),
    ):
        end = project.pcm("batch", *files, *options)
        assert end.code == 2, end
        assert words in end.stderr
        assert not (project.folder / "out.jsonl.run").exists()
