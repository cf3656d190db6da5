"""Models that leave their accelerator and come back: the same answers, the same ties.

Where there is no accelerator, copies between places of one CPU show what points where.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from torch import nn

from tests.inference import tiny_models
from tests.inference.conftest import resident
from tests.inference.test_embed import encoder
from tests.inference.tiny_models import LABELS, PREFIX
from workers.inference import load, load_encoder, offloading
from workers.inference.offloading import HostCopies, Offloading
from workers.inference.resident import ResidentModel

pytestmark = pytest.mark.models

PROMPTS = tiny_models.texts(12)


def answers(llm: ResidentModel) -> list[Any]:
    choices = list(llm.choose(PROMPTS, LABELS, PREFIX))
    return [*choices, *llm.generate(PROMPTS[:3], 8, prefix=PREFIX)]


class Tied(nn.Module):
    """Two names of a parameter, one of a part of it, a buffer, one without numbers."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.table = nn.Parameter(torch.randn(6, 4))
        self.head = self.table
        self.turned = nn.Parameter(self.table.detach().T[1:3])
        self.alone = nn.Parameter(torch.randn(3).bfloat16())
        self.register_buffer("seen", torch.zeros(2))
        self.register_buffer("none", torch.empty(0, 3))


def addresses(tensors: list[torch.Tensor]) -> list[int]:
    return [tensor.untyped_storage().data_ptr() for tensor in tensors]


def around(module: Tied) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    return list(module.parameters()), list(module.buffers())


def layout(tensors: list[torch.Tensor]) -> list[Any]:
    """Numbers, and how they lie in their memory."""
    return [(t.tolist(), t.dtype, t.stride(), t.storage_offset()) for t in tensors]


def test_what_shares_memory_goes_on_sharing_it() -> None:
    module, copies = Tied(), HostCopies()
    constant, changing = around(module)
    tensors = [*constant, *changing]
    expected, places = layout(tensors), [addresses(tensors)]

    def check() -> None:
        assert layout(tensors) == expected
        assert module.head is module.table
        assert isinstance(module.turned, nn.Parameter)
        assert addresses([module.turned]) == addresses([module.table])
        places.append(addresses(tensors))

    copies.take(constant, changing)
    check()
    copies.give_back()
    check()
    for one, other in pairwise(places):
        moved = [before != after for before, after in zip(one, other, strict=True)]
        assert moved == [True, True, True, True, False]  # what has no numbers has no place


def test_constant_memory_is_copied_to_the_host_once_and_what_changes_each_time() -> None:
    module, copies = Tied(), HostCopies()
    kept: list[list[int]] = []
    for number in range(3):
        module.seen.fill_(number)
        copies.take(*around(module))
        assert module.seen.tolist() == [number, number]
        kept.append(addresses([module.table, module.turned, module.alone]))
        copies.give_back()
        assert module.seen.tolist() == [number, number]
    assert kept[0] == kept[1] == kept[2]


def test_a_parameter_that_was_given_other_memory_is_copied_anew() -> None:
    module, copies = Tied(), HostCopies()
    copies.take(*around(module))
    copies.give_back()
    module.alone.data = torch.ones(3).bfloat16()
    copies.take(*around(module))
    assert module.alone.tolist() == [1, 1, 1]


def test_tensors_made_for_inference_move_and_stay_such() -> None:
    with torch.inference_mode():
        state = torch.arange(6.0).view(2, 3)
    copies = HostCopies()
    copies.take([], [state])
    assert state.is_inference()
    copies.give_back()
    assert state.is_inference()
    assert state.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_memory_that_others_use_now_is_copied_anew() -> None:
    """A device gives the addresses of what was freed to what comes next."""
    module, copies = Tied(), HostCopies()
    copies.take(*around(module))
    copies.give_back()
    other = nn.Parameter(module.alone.data)
    other.data.fill_(5)
    before = addresses([other])
    copies.take([other], [])
    assert other.tolist() == [5, 5, 5]
    assert addresses([other]) != before


@pytest.fixture
def all_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """The CPU's memory in the place of an accelerator's."""
    monkeypatch.setattr(offloading, "_is_away", lambda tensor: True)


@pytest.mark.usefixtures("all_away")
@pytest.mark.parametrize("make", [tiny_models.llama, tiny_models.gpt2])
def test_a_model_answers_as_before_wherever_its_memory_is(make: Any) -> None:
    """Its tensors, and those of its kept prefix, at other places: none points to the former."""
    llm = resident(make())
    expected = answers(llm)
    assert llm.prefixes.tensors
    tensors = [*llm.model.parameters(), *llm.model.buffers(), *llm.prefixes.tensors]
    for _ in range(2):
        for turn in (llm.offload_to_host, llm.return_to_device):
            before = addresses(tensors)
            turn()
            assert all(a != b for a, b in zip(addresses(tensors), before, strict=True))
            assert answers(llm) == expected
    assert llm.prefixes.computed == 1


@pytest.mark.usefixtures("all_away")
def test_an_encoder_answers_as_before_wherever_its_memory_is() -> None:
    one = encoder("bert")
    expected = list(one.embed(PROMPTS))
    for turn in (one.offload_to_host, one.return_to_device):
        turn()
        assert list(one.embed(PROMPTS)) == expected


def resident_bytes(directory: Path) -> int:
    """Main memory in which this process holds files of the directory."""
    maps = psutil.Process().memory_maps()
    return sum(part.rss for part in maps if part.path.startswith(str(directory)))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_mapped_weights_leave_the_process_and_answers_stay_the_same(
    tmp_path: Path, dtype: str
) -> None:
    """Weights of some 30 or 15 MB, in the type of the file."""
    wide = tiny_models.llama(hidden_size=512, intermediate_size=4096, num_hidden_layers=1)
    wide.to(getattr(torch, dtype)).save_pretrained(tmp_path)
    tiny_models.tokenizer().save_pretrained(tmp_path)
    llm = load(str(tmp_path), dtype=dtype, device="cpu", pass_tokens=64, slots=4)
    size = sum(weight.nbytes for weight in llm.model.parameters())
    expected = answers(llm)
    for _ in range(3):
        assert resident_bytes(tmp_path) >= size
        llm.offload_to_host()
        assert resident_bytes(tmp_path) < size * 0.1
        llm.return_to_device()
        assert answers(llm) == expected
    assert resident_bytes(tmp_path) >= size
    assert llm.prefixes.computed == 1


def test_weights_of_another_type_than_stored_stay_where_they_are(model_directory: Path) -> None:
    tiny_models.llama(dtype=torch.bfloat16).save_pretrained(model_directory)
    llm = load(str(model_directory), dtype="float32", device="cpu")
    expected = answers(llm)
    before = addresses(list(llm.model.parameters()))
    llm.offload_to_host()
    assert addresses(list(llm.model.parameters())) == before
    llm.return_to_device()
    assert answers(llm) == expected


def test_a_weight_that_was_changed_after_the_load_stays_changed(model_directory: Path) -> None:
    llm = load(str(model_directory), device="cpu")
    as_stored = answers(llm)
    llm.prefixes.clear()
    with torch.no_grad():
        llm.model.lm_head.weight.mul_(-1)
    expected = answers(llm)
    assert expected != as_stored
    llm.offload_to_host()
    llm.return_to_device()
    assert answers(llm) == expected


def test_an_encoder_whose_weights_are_mapped_gives_the_same_vectors(tmp_path: Path) -> None:
    made = encoder("bert")
    made.model.save_pretrained(tmp_path)
    made.tokenizer.save_pretrained(tmp_path)
    one = load_encoder(str(tmp_path), device="cpu")
    expected = list(one.embed(PROMPTS))
    for _ in range(2):
        one.offload_to_host()
        one.return_to_device()
        assert list(one.embed(PROMPTS)) == expected


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_is_empty_while_the_model_is_away() -> None:
    llm = resident(tiny_models.llama().cuda())
    expected = answers(llm)
    held = torch.cuda.memory_allocated()
    llm.offload_to_host()
    assert torch.cuda.memory_allocated() < held / 2
    assert all(weight.is_pinned() for weight in llm.model.parameters())
    llm.return_to_device()
    assert answers(llm) == expected
    assert {weight.device.type for weight in llm.model.parameters()} == {"cuda"}


def test_nothing_is_copied_of_what_is_on_the_cpu() -> None:
    module = Tied()
    before = addresses([*module.parameters(), *module.buffers()])
    Offloading(module).offload()
    assert addresses([*module.parameters(), *module.buffers()]) == before
