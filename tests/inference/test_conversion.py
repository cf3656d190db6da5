"""Tensors that are converted to another type beside other work."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from workers.inference import conversion
from workers.inference.conversion import ALIGNED_BYTES, Conversion
from workers.inference.weights import Mapping, Tensors

pytestmark = pytest.mark.models


def stored(file: Path, tensors: Tensors) -> Tensors:
    save_file(tensors, file)
    return Mapping(file).tensors()


@pytest.mark.parametrize("wanted", [torch.float32, torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("kind", [torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_numbers_are_those_of_torch(tmp_path: Path, kind: torch.dtype, wanted: torch.dtype) -> None:
    torch.manual_seed(0)
    made = {
        "a": torch.randn(64, 64),
        "b": torch.randn(7),
        "c": torch.randn(3, 5, 2),
        "d": torch.tensor([float("inf"), float("nan"), -0.0, 1e-41, 65519.0]),
        "e": torch.randn(128),
    }
    found = stored(tmp_path / "x.safetensors", {name: t.to(kind) for name, t in made.items()})
    done = Conversion(found, wanted)
    done.wait()
    assert done.tensors.keys() == found.keys()
    for name, tensor in done.tensors.items():
        expected = found[name].to(wanted)
        assert tensor.dtype == wanted
        assert tensor.shape == expected.shape
        assert torch.equal(tensor.nan_to_num(7), expected.nan_to_num(7)), name


def test_neighbours_are_converted_in_one_call(tmp_path: Path) -> None:
    """Between two calls a thread waits for the interpreter, which may be busy for long."""
    names = [f"layers.{n}.weight" for n in range(40)]
    found = stored(tmp_path / "x.safetensors", {n: torch.ones(32).bfloat16() for n in names})
    assert [len(group) for group in conversion._neighbours(found, torch.float32)] == [40]


def test_all_begin_where_memory_of_torch_does(tmp_path: Path) -> None:
    sizes = (5, 64, 1, 16, 100)
    made = {f"x{at}": torch.ones(size).bfloat16() for at, size in enumerate(sizes)}
    done = Conversion(stored(tmp_path / "x.safetensors", made), torch.float32)
    done.wait()
    assert not any(tensor.data_ptr() % ALIGNED_BYTES for tensor in done.tensors.values())


def test_nothing_to_convert() -> None:
    done = Conversion({}, torch.float32)
    done.wait()
    assert done.tensors == {}


def test_what_goes_wrong_is_told_to_who_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(there: torch.Tensor, stored: torch.Tensor) -> None:
        raise ValueError("the disk is gone")

    monkeypatch.setattr(torch.Tensor, "copy_", broken)
    done = Conversion(
        stored(tmp_path / "x.safetensors", {"x": torch.ones(9).half()}), torch.float32
    )
    with pytest.raises(RuntimeError, match="weights could not be converted: the disk is gone"):
        done.wait()
