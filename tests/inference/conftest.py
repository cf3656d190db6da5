"""One small model for all tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.inference import tiny_models
from workers.inference.resident import ResidentModel
from workers.inference.shapes import Shapes


def resident(model: object | None = None, *, rows: int = 1, slots: int = 4) -> ResidentModel:
    """A resident model around a small one."""
    shapes = Shapes(rows, unit=1 if rows == 1 else 16)
    network = tiny_models.llama() if model is None else model
    return ResidentModel(network, tiny_models.tokenizer(), shapes, slots=slots)


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
