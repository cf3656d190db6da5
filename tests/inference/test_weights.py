"""Tensors of safetensors files, mapped."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from workers.inference.weights import DTYPES, Mapping

pytestmark = pytest.mark.models


def some_tensors() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    numbers = {
        str(dtype): (torch.randn(5, 3) * 4).to(dtype)
        for dtype in DTYPES.values()
        if dtype is not torch.bool
    }
    extremes = torch.tensor([float("inf"), float("-inf"), float("nan"), 1e-40, -0.0])
    return {
        **numbers,
        "bits": torch.tensor([True, False, True]),
        "empty": torch.empty(0, 4),
        "scalar": torch.tensor(2.5),
        "extremes": extremes.bfloat16(),
    }


def test_every_type_and_shape_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "some.safetensors"
    save_file(some_tensors(), file, metadata={"format": "pt"})
    mapping = Mapping(file)
    expected, found = load_file(file), mapping.tensors()
    assert found.keys() == expected.keys()
    for name, tensor in found.items():
        assert tensor.dtype == expected[name].dtype
        assert torch.equal(tensor.nan_to_num(7), expected[name].nan_to_num(7)), name


def test_a_type_that_is_not_known_is_left_to_others(tmp_path: Path) -> None:
    save_file({"x": torch.zeros(4).to(torch.float8_e4m3fn)}, tmp_path / "f8.safetensors")
    with pytest.raises(KeyError):
        Mapping(tmp_path / "f8.safetensors")


def test_numbers_at_odd_places_are_left_to_others(tmp_path: Path) -> None:
    """No library writes such files now; older ones did not pad their headers."""
    header = b'{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    header += b" " * (len(header) % 2 == 0)
    file = tmp_path / "odd.safetensors"
    file.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(RuntimeError):
        Mapping(file).tensors()
