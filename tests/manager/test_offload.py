"""A context that can leave the accelerator is kept for the next run that wants it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import psutil

import pcm
from pcm.core.commands import Evict, Offload
from pcm.journal import JournalReader

MOST_OF_IT = int(psutil.virtual_memory().total * 0.6)
"""No worker can hold two contexts of this size."""


class Model:
    """Tells which load it came from, and where it has been since."""

    def __init__(self) -> None:
        self.told = [uuid.uuid4().hex]

    def offload_to_host(self) -> None:
        self.told.append("host")

    def return_to_device(self) -> None:
        self.told.append("device")


@pcm.context(memory=MOST_OF_IT)
def movable(name: str) -> Model:
    return Model()


@pcm.context(memory=MOST_OF_IT)
def fixed(name: str) -> list[str]:
    return [uuid.uuid4().hex]


@pcm.task
def story(model: Model, items: Sequence[int]) -> Iterator[list[str]]:
    for _ in items:
        yield model.told


@pcm.task
def identity(model: list[str], items: Sequence[int]) -> Iterator[list[str]]:
    for _ in items:
        yield model


def orders(directory: Path) -> list[str]:
    """What the run's log says was ordered to make room."""
    kinds: dict[str, type[Evict] | type[Offload]] = {"Evict": Evict, "Offload": Offload}
    with JournalReader(directory) as reader:
        return [
            f"{entry.kind}: {msgspec.json.decode(entry.body, type=kinds[entry.kind]).reason}"
            for entry in reader.events(kinds=kinds)
        ]


def test_it_comes_back_as_it_was(tmp_path: Path) -> None:
    with pcm.Manager(workers=1) as manager:
        (first,) = manager.map(story, [0], context=movable("one"))
        run = manager.map(story, [0], context=movable("two"), directory=tmp_path / "two")
        (other,) = run
        (again,) = manager.map(story, [0], context=movable("one"))
    assert first.value[0] != other.value[0]
    assert again.value == [*first.value, "host", "device"]
    (why,) = orders(tmp_path / "two")
    assert why.startswith("Offload: to make room for movable: it loads in")


def test_what_cannot_leave_is_loaded_again(tmp_path: Path) -> None:
    with pcm.Manager(workers=1) as manager:
        (first,) = manager.map(identity, [0], context=fixed("one"))
        run = manager.map(identity, [0], context=fixed("two"), directory=tmp_path / "two")
        assert len(list(run)) == 1
        (again,) = manager.map(identity, [0], context=fixed("one"))
    assert first.value != again.value
    (why,) = orders(tmp_path / "two")
    assert why.startswith("Evict: ")
