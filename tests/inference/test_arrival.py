"""Weight files that are brought in while a model is put together."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.inference import tiny_models
from workers.host import accelerator
from workers.inference import arrival, load
from workers.inference.arrival import Arrival, in_order_of_use, to_come_bytes, wait_for_all
from workers.inference.file_pages import Region, present_bytes
from workers.inference.weights import Mapping

pytestmark = pytest.mark.models
PAGES = 64


def layers(file: Path, *numbers: int) -> Mapping:
    """A file of layers of a page and more each."""
    save_file({f"layers.{n}.weight": torch.full((2000,), float(n)) for n in numbers}, file)
    return Mapping(file)


def evicted(file: Path) -> Mapping:
    """Mapped, and in no process's memory."""
    save_file({"x": torch.zeros(PAGES * os.sysconf("SC_PAGE_SIZE") // 4)}, file)
    descriptor = os.open(file, os.O_RDONLY)
    os.fsync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)
    return Mapping(file)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Nothing is brought in before this is called."""
    go = threading.Event()
    populate = arrival.populate

    def late(region: Region) -> None:
        assert go.wait(30)
        populate(region)

    monkeypatch.setattr(arrival, "populate", late)
    return go.set


def test_layers_come_by_their_number_and_neighbours_together(tmp_path: Path) -> None:
    mapping = layers(tmp_path / "a.safetensors", *range(12))
    places = mapping.places()
    regions = in_order_of_use([mapping])
    assert [place.start for place in regions] == [
        places[f"layers.{n}.weight"].start for n in (0, 2, 10)
    ]
    assert regions[0].end == places["layers.1.weight"].end
    assert regions[1].end == places["layers.9.weight"].end
    assert sum(end - start for start, end in regions) == 12 * 8000


def test_layers_of_several_files(tmp_path: Path) -> None:
    """Whatever the files' order is."""
    some, others = (
        layers(tmp_path / "a.safetensors", 2, 3),
        layers(tmp_path / "b.safetensors", 0, 1),
    )
    starts = [region.start for region in in_order_of_use([some, others])]
    assert starts == [
        others.places()["layers.0.weight"].start,
        some.places()["layers.2.weight"].start,
    ]


def test_what_is_still_to_come_is_counted(tmp_path: Path, held: Callable[[], None]) -> None:
    mapping = evicted(tmp_path / "x.safetensors")
    size_bytes = mapping.region.end - mapping.region.start
    before = present_bytes([mapping.region])
    assert to_come_bytes() == 0
    coming = Arrival([mapping])
    assert to_come_bytes() == accelerator.arriving_bytes() == size_bytes - before
    mapping.tensors()["x"].sum()  # Whoever brings it.
    assert 0 <= to_come_bytes() < size_bytes - before
    held()
    coming.wait()
    assert to_come_bytes() == 0
    assert present_bytes([mapping.region]) >= PAGES * os.sysconf("SC_PAGE_SIZE")


def test_a_model_answers_while_its_weights_are_on_their_way(
    model_directory: Path, held: Callable[[], None]
) -> None:
    llm = load(str(model_directory), device="cpu")
    assert any(coming.mappings for coming in arrival._underway)
    (before,) = llm.choose(["the river"], [" a", " b"])
    held()
    wait_for_all()
    (after,) = llm.choose(["the river"], [" a", " b"])
    assert before == after


def test_a_model_that_leaves_is_not_brought_in_again(
    model_directory: Path, held: Callable[[], None]
) -> None:
    llm = load(str(model_directory), device="cpu")
    held()
    llm.offload_to_host()
    assert to_come_bytes() == 0
    assert not arrival._underway
    llm.return_to_device()
    (choice,) = llm.choose(["the river"], [" a", " b"])
    assert choice.scores


def test_what_cannot_be_read_hinders_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(region: Region) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr(arrival, "populate", broken)
    coming = Arrival([layers(tmp_path / "a.safetensors", 0)])
    coming.wait()
    assert to_come_bytes() == 0


def test_numbers_that_are_not_ours_to_read(tmp_path: Path) -> None:
    tiny_models.llama().save_pretrained(tmp_path)
    save_file({"x": torch.zeros(4).to(torch.float8_e4m3fn)}, tmp_path / "model.safetensors")
    assert Arrival.of(tmp_path) is None
