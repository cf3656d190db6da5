"""Tensors arrive bit for bit, whatever their sizes and however late the copies are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from transformers import AutoConfig

from tests.inference import tiny_models
from tests.inference.late_copies import LateCopier, same_bits
from workers.inference import device_copy
from workers.inference.assembling import assembled
from workers.inference.device_copy import Conveyor, move_parameters

pytestmark = pytest.mark.models


@given(
    sizes=st.lists(st.integers(0, 700), max_size=12),
    buffer_bytes=st.integers(1, 600),
    dtype=st.sampled_from([torch.float32, torch.bfloat16, torch.int8, torch.bool]),
)
def test_any_sizes_through_any_buffers(
    sizes: list[int], buffer_bytes: int, dtype: torch.dtype
) -> None:
    sent = [(torch.arange(size) * 37 % 251).to(dtype) for size in sizes]
    copier = LateCopier()
    conveyor = Conveyor(copier, buffer_bytes)
    arrived = [conveyor.send(one, dtype) for one in sent]
    conveyor.finish()
    assert copier.unfinished == 0
    assert all(same_bits(*pair) for pair in zip(arrived, sent, strict=True))
    assert sum(copier.sizes_bytes) == sum(one.nbytes for one in sent)


def test_small_tensors_share_a_buffer_and_large_ones_are_cut(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(device_copy, "PIECE_BYTES", 60)
    copier = LateCopier()
    conveyor = Conveyor(copier, 100)
    for size in (10, 20, 0, 200):
        conveyor.send(torch.zeros(size, dtype=torch.uint8), torch.uint8)
    assert copier.sizes_bytes == [10, 20, 60, 10, 60, 40, 30]
    assert len(copier.buffers) == 2


def test_two_buffers_are_in_use_before_anyone_waits() -> None:
    copier = LateCopier()
    conveyor = Conveyor(copier, 100)
    conveyor.send(torch.zeros(100, dtype=torch.uint8), torch.uint8)
    assert len(copier.buffers) == 1
    conveyor.send(torch.zeros(100, dtype=torch.uint8), torch.uint8)
    assert copier.unfinished == len(copier.buffers) == 2
    conveyor.send(torch.zeros(1, dtype=torch.uint8), torch.uint8)
    assert copier.unfinished == 2  # the first buffer was waited for, and is used again


def test_what_is_not_contiguous_and_what_is_one_number() -> None:
    conveyor = Conveyor(LateCopier(), 16)
    turned, one = torch.arange(12.0).reshape(3, 4).T, torch.tensor(2.5)
    arrived = [conveyor.send(tensor, tensor.dtype) for tensor in (turned, one)]
    conveyor.finish()
    assert all(map(same_bits, arrived, (turned, one)))


def test_numbers_are_converted_as_on_the_host() -> None:
    sent = torch.randn(100, 3) * 100
    conveyor = Conveyor(LateCopier(), 64)
    arrived = {dtype: conveyor.send(sent, dtype) for dtype in (torch.bfloat16, torch.float16)}
    conveyor.finish()
    assert all(same_bits(found, sent.to(dtype)) for dtype, found in arrived.items())


def test_tied_weights_stay_tied_and_are_sent_once() -> None:
    one, two = nn.Linear(4, 4), nn.Linear(4, 4)
    two.weight = one.weight
    network = nn.Sequential(one, two)
    before = [weight.detach().clone() for weight in network.parameters()]
    copier = LateCopier()
    move_parameters(network, copier, {}, buffer_bytes=32)
    assert two.weight is one.weight
    assert all(same_bits(*pair) for pair in zip(network.parameters(), before, strict=True))
    assert sum(copier.sizes_bytes) == sum(weight.nbytes for weight in before)


@pytest.mark.parametrize("dtype", ["auto", "float32", "bfloat16", "float16"])
@pytest.mark.parametrize("stored", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize(
    "make",
    [
        tiny_models.llama,
        lambda: tiny_models.llama(tie_word_embeddings=True),
        tiny_models.gpt2,
        tiny_models.mixtral,
        lambda: tiny_models.llama(num_hidden_layers=4),
    ],
    ids=["llama", "tied", "gpt2", "mixtral", "shards"],
)
def test_a_model_that_is_sent_is_the_model_that_is_mapped(
    tmp_path: Path, make: Any, stored: torch.dtype, dtype: str
) -> None:
    make().to(stored).save_pretrained(tmp_path, max_shard_size="50KB")
    config = AutoConfig.from_pretrained(tmp_path)
    copier = LateCopier()
    sent = assembled(tmp_path, config, dtype, copier)
    mapped = assembled(tmp_path, config, dtype)
    assert sent is not None
    assert mapped is not None
    assert copier.unfinished == 0
    here, there = (dict(network.named_parameters()) for network, _ in (mapped, sent))
    assert here.keys() == there.keys()
    assert [name for name in here if not same_bits(here[name], there[name])] == []
    assert sent[0].config.to_dict() == mapped[0].config.to_dict()
    assert sum(copier.sizes_bytes) >= sum(w.nbytes for w in sent[0].parameters()) / 2


def test_numbers_of_another_type_are_not_converted_on_the_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_models.llama().save_pretrained(tmp_path)
    given: set[torch.dtype] = set()
    send = Conveyor.send

    def noted(self: Conveyor, tensor: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        given.add(tensor.dtype)
        return send(self, tensor, dtype)

    monkeypatch.setattr(Conveyor, "send", noted)
    found = assembled(tmp_path, AutoConfig.from_pretrained(tmp_path), "bfloat16", LateCopier())
    assert found is not None
    assert given == {torch.float32}
    assert {weight.dtype for weight in found[0].parameters()} == {torch.bfloat16}
