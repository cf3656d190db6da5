"""One small model for all tests of this folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.inference import tiny_models
from workers.inference.memory import sizes
from workers.inference.resident import ResidentModel


def resident(
    model: Any = None, *, pass_tokens: int = 64, slots: int = 4, **changes: Any
) -> ResidentModel:
    """A resident model around a small one, with other sizes if wanted."""
    network = tiny_models.llama() if model is None else model
    allowed = sizes(network, slots, pass_tokens=pass_tokens)
    return ResidentModel(network, tiny_models.tokenizer(), replace(allowed, **changes))


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """More threads than free cores slow small matrices down."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def llm() -> ResidentModel:
    return resident()


@pytest.fixture
def model_directory(tmp_path: Path) -> Path:
    """A whole model on disk."""
    directory = tmp_path / "model"
    tiny_models.llama().save_pretrained(directory)
    tiny_models.tokenizer().save_pretrained(directory)
    return directory
