"""Pages of mapped files: what was written to stays, the rest goes and comes back as it was."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from workers.inference import file_pages
from workers.inference.file_pages import PAGE_BYTES, mapped_regions, populate, release

pytestmark = pytest.mark.models

PAGES = 64


@pytest.fixture
def content(tmp_path: Path) -> torch.Tensor:
    """What is in the file."""
    torch.manual_seed(0)
    numbers = torch.randint(0, 256, (PAGES * PAGE_BYTES,), dtype=torch.uint8)
    (tmp_path / "file").write_bytes(bytes(numbers.tolist()))
    return numbers


@pytest.fixture
def mapped(tmp_path: Path, content: torch.Tensor) -> torch.Tensor:
    file = str(tmp_path / "file")
    return torch.from_file(file, shared=False, size=len(content), dtype=torch.uint8)


def resident_pages(tensor: torch.Tensor) -> int:
    """Of this process, by its map of pages."""
    with open("/proc/self/pagemap", "rb") as file:
        file.seek(tensor.data_ptr() // PAGE_BYTES * 8)
        entries = file.read(tensor.numel() // PAGE_BYTES * 8)
    return sum(entry >> 63 for entry in memoryview(entries).cast("Q"))


def test_pages_of_a_file_go_and_come_back(mapped: torch.Tensor, content: torch.Tensor) -> None:
    mapped.sum()
    assert resident_pages(mapped) == PAGES
    (region,) = mapped_regions([mapped[5:9], mapped, mapped.view(2, -1)])
    release(region)
    assert resident_pages(mapped) == 0
    populate(region)
    assert resident_pages(mapped) == PAGES
    assert torch.equal(mapped, content)


def test_pages_that_were_written_to_stay(mapped: torch.Tensor, content: torch.Tensor) -> None:
    changed = [0, 1, 7, PAGES - 1]
    for page in changed:
        mapped[page * PAGE_BYTES + 3] = content[page * PAGE_BYTES + 3] ^ 1
    expected = mapped.clone()
    (region,) = mapped_regions([mapped])
    release(region)
    assert resident_pages(mapped) == len(changed)
    assert torch.equal(mapped, expected)
    assert not torch.equal(mapped, content)


def test_tensors_that_meet_within_a_page_are_one_region(tmp_path: Path) -> None:
    """As transformers maps them: one by one, wherever they begin."""
    tensors = {name: torch.ones(PAGE_BYTES + 40) for name in "abc"}
    save_file(tensors, tmp_path / "three.safetensors")
    mapped = load_file(tmp_path / "three.safetensors")
    (region,) = mapped_regions(mapped.values())
    release(region)
    populate(region)
    assert all(torch.equal(mapped[name], tensors[name]) for name in tensors)


def test_memory_that_is_no_files_is_left_alone() -> None:
    shared = torch.frombuffer(mmap.mmap(-1, PAGE_BYTES), dtype=torch.uint8)
    assert mapped_regions([torch.ones(PAGE_BYTES * 300), torch.empty(0), shared]) == []
    assert mapped_regions([torch.empty(4, device="meta")]) == []


def test_a_file_that_became_shorter_cannot_be_brought_back(
    mapped: torch.Tensor, tmp_path: Path
) -> None:
    (region,) = mapped_regions([mapped])
    os.truncate(tmp_path / "file", PAGE_BYTES)
    with pytest.raises(OSError, match="Bad address"):
        populate(region)


def test_where_pages_cannot_be_told_apart_all_stay(
    mapped: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    mapped.sum()
    (region,) = mapped_regions([mapped])

    def refused(region: object) -> object:
        raise PermissionError("no page map here")

    monkeypatch.setattr(file_pages, "_unwritten", refused)
    release(region)
    assert resident_pages(mapped) == PAGES


def test_an_older_system_brings_pages_in_when_they_are_used(
    mapped: torch.Tensor, content: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_pages, "MADV_POPULATE_READ", 9999)
    (region,) = mapped_regions([mapped])
    release(region)
    populate(region)
    assert torch.equal(mapped, content)
