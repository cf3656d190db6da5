"""Which modules a context's model adds to its imports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pcm.manager.model_classes import with_model_classes
from workers.protocol import Tree

IMPORTS = ("torch", "transformers", "transformers.models.llama.modeling_llama")


def tree(directory: Path, config: Any) -> Tree:
    (directory / "config.json").write_text(
        config if isinstance(config, str) else json.dumps(config)
    )
    return Tree("model", str(directory), ())


@pytest.mark.parametrize(
    ("kind", "module"),
    [
        ("qwen3", "transformers.models.qwen3.modeling_qwen3?"),
        ("gpt-sw3", "transformers.models.gpt_sw3.modeling_gpt_sw3?"),
    ],
)
def test_the_class_is_added_and_may_be_missing(tmp_path: Path, kind: str, module: str) -> None:
    found = tree(tmp_path, {"model_type": kind})
    assert with_model_classes(IMPORTS, [found, found]) == (*IMPORTS, module)


def test_what_is_imported_anyway_is_not_added(tmp_path: Path) -> None:
    assert with_model_classes(IMPORTS, [tree(tmp_path, {"model_type": "llama"})]) == IMPORTS
    assert with_model_classes(("torch",), [tree(tmp_path, {"model_type": "qwen3"})]) == ("torch",)


@pytest.mark.parametrize(
    "config", ["{", "[]", "{}", {"model_type": 3}, {"model_type": "a.b"}, {"model_type": "../x"}]
)
def test_what_cannot_be_understood_adds_nothing(tmp_path: Path, config: Any) -> None:
    assert with_model_classes(IMPORTS, [tree(tmp_path, config)]) == IMPORTS


def test_a_file_or_a_directory_without_configuration_adds_nothing(tmp_path: Path) -> None:
    trees = [Tree("model", str(tmp_path), ()), Tree(0, str(tmp_path / "x"), (), is_file=True)]
    assert with_model_classes(IMPORTS, trees) == IMPORTS
