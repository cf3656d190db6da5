"""A model from mapped weights is the model that transformers loads from the same directory."""

from __future__ import annotations

import gc
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from tests.inference import tiny_models
from workers.inference import assembling
from workers.inference.assembling import assembled
from workers.inference.conversion import Conversion
from workers.inference.weights import Tensors

pytestmark = pytest.mark.models
IDS = torch.tensor([[3, 5, 7, 11, 2, 9]])
SCALED = {
    "rope_type": "llama3",
    "rope_theta": 10000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}


class LateConversion(Conversion):
    """Numbers are there no sooner than they are waited for."""

    def __init__(self, stored: Tensors, wanted: torch.dtype) -> None:
        self._go = threading.Event()
        super().__init__(stored, wanted)
        for tensor in self.tensors.values():
            tensor.fill_(float("nan"))

    def wait(self) -> None:
        self._go.set()
        super().wait()

    def _convert(self) -> None:
        assert self._go.wait(30)
        super()._convert()


def both(directory: Path, dtype: str) -> tuple[Any, Any]:
    """By pcm and by transformers alone."""
    ours = assembled(directory, AutoConfig.from_pretrained(directory), dtype)
    assert ours is not None
    network, report = ours
    assert not report["missing_keys"]
    return network.eval(), AutoModelForCausalLM.from_pretrained(directory, dtype=dtype).eval()


@torch.inference_mode()
def logits(model: Any) -> torch.Tensor:
    found: torch.Tensor = model(IDS).logits
    return found


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", "auto"])
@pytest.mark.parametrize("stored", [torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("tied", [False, True], ids=["untied", "tied"])
def test_the_same_numbers_of_the_same_type(
    tmp_path: Path, dtype: str, stored: torch.dtype, tied: bool
) -> None:
    tiny_models.llama(dtype=stored, tie_word_embeddings=tied).save_pretrained(tmp_path)
    ours, theirs = both(tmp_path, dtype)
    assert ours.dtype == theirs.dtype
    assert torch.equal(logits(ours), logits(theirs))
    assert (ours.lm_head.weight is ours.model.embed_tokens.weight) == tied
    assert dict(ours.named_buffers()).keys() == dict(theirs.named_buffers()).keys()
    for (name, one), (_, other) in zip(ours.named_buffers(), theirs.named_buffers(), strict=True):
        assert torch.equal(one, other), name
        assert one.dtype == other.dtype, name


@pytest.mark.parametrize(
    "make",
    [
        tiny_models.gpt2,
        tiny_models.bloom,
        tiny_models.mixtral,
        lambda: tiny_models.mistral(24),
        lambda: tiny_models.llama(rope_parameters=SCALED),
        lambda: tiny_models.llama(attention_bias=True, mlp_bias=True),
    ],
    ids=["gpt2", "bloom", "mixtral", "mistral", "scaled positions", "biases"],
)
def test_other_architectures(tmp_path: Path, make: Callable[[], Any]) -> None:
    make().save_pretrained(tmp_path)
    ours, theirs = both(tmp_path, "float32")
    assert torch.equal(logits(ours), logits(theirs))


@pytest.mark.parametrize("make", [tiny_models.gpt2, tiny_models.bloom, tiny_models.mixtral])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_other_architectures_in_another_type(
    tmp_path: Path, make: Callable[[], Any], dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of some, tensors are computed from the files' own, which must be there by then."""
    monkeypatch.setattr(assembling, "Conversion", LateConversion)
    make().to(torch.bfloat16).save_pretrained(tmp_path)
    ours, theirs = both(tmp_path, dtype)
    assert ours.dtype == theirs.dtype == getattr(torch, dtype)
    assert torch.equal(logits(ours), logits(theirs))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_shards(tmp_path: Path, dtype: str) -> None:
    model = tiny_models.llama(dtype=torch.bfloat16, num_hidden_layers=4)
    model.save_pretrained(tmp_path, max_shard_size="50KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 2
    ours, theirs = both(tmp_path, dtype)
    assert torch.equal(logits(ours), logits(theirs))


def test_how_it_generates_comes_along(tmp_path: Path) -> None:
    model = tiny_models.llama()
    model.generation_config.eos_token_id = [0, 7]
    model.save_pretrained(tmp_path)
    ours, theirs = both(tmp_path, "float32")
    assert ours.generation_config.eos_token_id == [0, 7]
    assert ours.generation_config.to_dict() == theirs.generation_config.to_dict()
    (tmp_path / "generation_config.json").unlink()
    ours, theirs = both(tmp_path, "float32")
    assert ours.generation_config.eos_token_id == theirs.generation_config.eos_token_id


def test_no_file_is_written_to(tmp_path: Path) -> None:
    tiny_models.llama().save_pretrained(tmp_path)
    before = (tmp_path / "model.safetensors").read_bytes()
    ours, _ = both(tmp_path, "float32")
    with torch.no_grad():
        ours.lm_head.weight.zero_()
    assert (tmp_path / "model.safetensors").read_bytes() == before


def test_what_is_left_to_transformers(tmp_path: Path) -> None:
    tiny_models.llama().save_pretrained(tmp_path)
    config = AutoConfig.from_pretrained(tmp_path)
    assert assembled("owner/name", config, "float32") is None
    config.quantization_config = {"quant_method": "bitsandbytes"}
    assert assembled(tmp_path, config, "float32") is None
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "t5"}))
    assert assembled(tmp_path, AutoConfig.from_pretrained(tmp_path), "float32") is None


def test_models_that_come_and_go_leave_nothing(tmp_path: Path) -> None:
    """Neither descriptors nor memory: the weights alone are a megabyte each time."""
    model = tiny_models.llama(dtype=torch.bfloat16, hidden_size=128, intermediate_size=512)
    model.save_pretrained(tmp_path)
    assert (tmp_path / "model.safetensors").stat().st_size > 1_000_000
    config = AutoConfig.from_pretrained(tmp_path)

    def round_trips() -> tuple[int, int]:
        for _ in range(10):
            found = assembled(tmp_path, config, "float32")
            assert found is not None
            assert logits(found[0]).isfinite().all()
        del found
        gc.collect()
        memory = psutil.Process().memory_full_info()
        return memory.uss, len(os.listdir("/proc/self/fd"))

    round_trips()
    settled_bytes, descriptors = round_trips()
    for _ in range(3):
        last_bytes, last_descriptors = round_trips()
    assert last_descriptors == descriptors
    assert last_bytes < settled_bytes + (20 << 20)
