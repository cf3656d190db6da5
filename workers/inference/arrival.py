"""Weights that are on their way from the disk while a model is put together, and after that.

A thread brings in the pages of mapped files in the order in which a forward pass uses them, so that
reading goes on at the speed of the disk while Python is at work. Nobody has to wait for it: what is
touched before it is there is read when it is touched, and the first pass follows the reading from
layer to layer.
"""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

from workers.inference.file_pages import PAGE_BYTES, Region, populate, present_bytes
from workers.inference.files import weight_files
from workers.inference.weights import Mapping

_underway: set[Arrival] = set()


class Arrival:
    """Files that are being brought in."""

    def __init__(self, mappings: Sequence[Mapping]) -> None:
        self.mappings = mappings
        self._thread = threading.Thread(target=self._bring_in, name="pcm-weights", daemon=True)
        _underway.add(self)
        self._thread.start()

    @classmethod
    def of(cls, directory: Path) -> Arrival | None:
        """That of a model's weights. None where there are numbers of a kind that is not ours to
        read. Raises OSError or ValueError where files are missing or damaged."""
        try:
            return cls([Mapping(file) for file in weight_files(directory)])
        except (KeyError, RuntimeError):
            return None

    def wait(self) -> None:
        """Until all that can be read is there."""
        self._thread.join()

    def _bring_in(self) -> None:
        with contextlib.suppress(OSError):  # It only makes things faster.
            for start, end in in_order_of_use(self.mappings):
                populate(Region(start - start % PAGE_BYTES, end + -end % PAGE_BYTES))
        _underway.discard(self)


def to_come_bytes() -> int:
    """By how much this process's memory will yet grow without another request."""
    regions = [mapping.region for arrival in list(_underway) for mapping in arrival.mappings]
    if not regions:
        return 0
    return max(0, sum(end - start for start, end in regions) - present_bytes(regions))


def wait_for_all() -> None:
    """Until nothing is on its way any more."""
    for arrival in list(_underway):
        arrival.wait()


def in_order_of_use(mappings: Iterable[Mapping]) -> list[Region]:
    """The addresses of all tensors. Layers are used by their number, and files hold them by their
    name (1, 10, 11, 2). Neighbours are one region: between two a thread waits for the interpreter.
    """
    places = [place for mapping in mappings for place in mapping.places().items()]
    regions: list[Region] = []
    for _, (start, end) in sorted(places, key=lambda place: _counted(place[0])):
        if regions and regions[-1].end == start:
            regions[-1] = Region(regions[-1].start, end)
        else:
            regions.append(Region(start, end))
    return regions


def _counted(name: str) -> list[tuple[int, str]]:
    """By this, names are sorted as one counts: ``layers.9`` before ``layers.10``."""
    parts = re.split(r"(\d+)", name)
    return [(int(part), "") if at % 2 else (0, part) for at, part in enumerate(parts)]
