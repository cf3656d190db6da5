"""A tokenizer that is loaded the short way is the one that transformers loads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoConfig, AutoTokenizer

from workers.inference import tokenizing
from workers.inference.tokenizing import added_tokens, load_tokenizer

pytestmark = pytest.mark.models
TEXTS = ["the river<end> flows", "<end>", " <pad>x", "caf\u00e9 \u4f60"]


def both(directory: Path) -> tuple[Any, Any]:
    config = AutoConfig.from_pretrained(directory)
    ours = load_tokenizer(directory, config, local_files_only=True)
    return ours, AutoTokenizer.from_pretrained(directory, local_files_only=True)


def assert_same(one: Any, other: Any) -> None:
    assert type(one) is type(other)
    assert one.added_tokens_decoder == other.added_tokens_decoder
    assert one.special_tokens_map == other.special_tokens_map
    assert one.all_special_ids == other.all_special_ids
    assert one.get_vocab() == other.get_vocab()
    assert one(TEXTS)["input_ids"] == other(TEXTS)["input_ids"]
    ids = list(range(len(one)))
    assert one.decode(ids, skip_special_tokens=True) == other.decode(ids, skip_special_tokens=True)


def test_tokens_that_were_added(model_directory: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(model_directory)
    tokenizer.add_special_tokens({"pad_token": "<pad>"})
    tokenizer.add_tokens(["river<end>"])
    tokenizer.save_pretrained(model_directory)
    found = added_tokens(model_directory)
    assert found is not None
    assert {str(token) for token in found.values()} >= {"<end>", "<pad>", "river<end>"}
    assert_same(*both(model_directory))


def test_as_older_libraries_wrote_it(model_directory: Path) -> None:
    """Then the configuration tells of them, or a file of its own: left to transformers."""
    file = model_directory / tokenizing.CONFIG
    before = file.read_text()
    token = {"content": "<end>", "lstrip": False, "normalized": False, "rstrip": False}
    decoder = {"0": {**token, "single_word": False, "special": True}}
    file.write_text(json.dumps({**json.loads(before), "added_tokens_decoder": decoder}))
    assert added_tokens(model_directory) is None
    assert_same(*both(model_directory))
    file.write_text(before)
    assert added_tokens(model_directory) is not None
    (model_directory / "special_tokens_map.json").write_text(json.dumps({"eos_token": "<end>"}))
    assert added_tokens(model_directory) is None
    assert_same(*both(model_directory))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"model": {}, "added_tokens": 3}',
        '{"added_tokens": [{"content": "x"}]}',
        '{"version": "1.0", "added_tok',
        '{"version": "1.0" "added_tokens": []}',
        '{"added_tokens": [{"id": 3, "con',
    ],
)
def test_what_is_not_found_at_the_beginning(model_directory: Path, text: str) -> None:
    (model_directory / tokenizing.FILE).write_text(text)
    assert added_tokens(model_directory) is None


def test_only_the_beginning_is_read(model_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = (model_directory / tokenizing.FILE).read_text()
    behind = whole.index('"model"')
    monkeypatch.setattr(tokenizing, "HEAD_CHARACTERS", behind)
    assert added_tokens(model_directory) is not None
    monkeypatch.setattr(tokenizing, "HEAD_CHARACTERS", whole.index('"added_tokens"') + 20)
    assert added_tokens(model_directory) is None
    assert_same(*both(model_directory))


def test_no_tokenizer(tmp_path: Path) -> None:
    assert added_tokens(tmp_path) is None
