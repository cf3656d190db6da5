"""A model that leaves its accelerator for host memory, and comes back, in the same process.

On an accelerator: all that its tensors hold is copied to pinned memory, and they point there until
they are back. What a CPU has mapped from files goes back to the page cache
(`workers.inference.file_pages`); the rest of a CPU's tensors are in host memory already and stay.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import nn

from workers.inference.arrival import wait_for_all
from workers.inference.file_pages import Region, mapped_regions, populate, release


class Offloading:
    """Of a module and of ``more`` tensors beside it, as many as there are at the time.

    Parameters are taken to be constant: they are copied to the host once, and their copies kept.
    What else there is, buffers and ``more``, is copied each time.
    """

    def __init__(
        self, module: nn.Module, more: Callable[[], Iterable[torch.Tensor]] = tuple
    ) -> None:
        self._module, self._more = module, more
        self._copies = HostCopies()
        self._regions: list[Region] = []

    def offload(self) -> None:
        """Raises RuntimeError where the host has no memory for it: the model is of no use then."""
        wait_for_all()  # What is let go of would come back.
        constant = list(self._module.parameters())
        changing = [*self._module.buffers(), *self._more()]
        self._copies.take(filter(_is_away, constant), filter(_is_away, changing))
        self._regions = mapped_regions([*constant, *changing])
        for region in self._regions:
            release(region)

    def bring_back(self) -> None:
        """Raises RuntimeError where the accelerator has no memory for it, and OSError where weights
        cannot be read from their files any more: the model is of no use then."""
        self._copies.give_back()
        for region in self._regions:
            populate(region)


@dataclass
class Copy:
    """Memory that some tensors share: where it was, and what it held."""

    members: list[torch.Tensor]
    device: torch.device
    address: int
    """On the device."""
    held: torch.Tensor
    """All of its bytes, on the host."""
    constant: bool

    def is_of(self, members: list[torch.Tensor]) -> bool:
        """Whether it is that of these very tensors."""
        return list(map(id, members)) == list(map(id, self.members))


class HostCopies:
    """Tensors that point to copies of their memory on the host, and then to copies of these on
    the devices where they were. Those that share memory (tied weights) go on sharing it."""

    def __init__(self) -> None:
        self._copies: list[Copy] = []

    def take(self, constant: Iterable[torch.Tensor], changing: Iterable[torch.Tensor]) -> None:
        """Copies of memory that only ``constant`` tensors share are kept for the next time."""
        groups: defaultdict[tuple[torch.device, int], list[torch.Tensor]] = defaultdict(list)
        volatile = set()
        for tensor in constant:
            groups[_place(tensor)].append(tensor)
        for tensor in changing:
            groups[_place(tensor)].append(tensor)
            volatile.add(_place(tensor))
        known = {(copy.device, copy.address): copy for copy in self._copies}
        self._copies = []
        for place, members in groups.items():
            copy = known.get(place)
            if copy is None or not copy.is_of(members):
                copy = Copy(members, *place, _on_host(members[0]), place not in volatile)
            self._copies.append(copy)
        self._synchronise()
        for copy in self._copies:
            _point(copy.members, copy.held)

    def give_back(self) -> None:
        """To the devices. Constant ones keep their copy on the host."""
        for copy in self._copies:
            there = torch.empty_like(copy.held, device=copy.device)
            there.copy_(copy.held, non_blocking=True)
            _point(copy.members, there)
            copy.address = there.data_ptr()
        self._synchronise()
        self._copies = [copy for copy in self._copies if copy.constant]

    def _synchronise(self) -> None:
        for device in {copy.device for copy in self._copies}:
            if device.type == "cuda":
                torch.cuda.synchronize(device)


def _is_away(tensor: torch.Tensor) -> bool:
    return tensor.device.type not in ("cpu", "meta")


def _place(tensor: torch.Tensor) -> tuple[torch.device, int]:
    return tensor.device, tensor.untyped_storage().data_ptr()


def _on_host(tensor: torch.Tensor) -> torch.Tensor:
    """All bytes of its memory; on their way there where the device copies by itself."""
    source = torch.empty(0, dtype=torch.uint8, device=tensor.device)
    source.set_(tensor.untyped_storage())
    by_itself = tensor.device.type == "cuda"
    held = torch.empty(source.numel(), dtype=torch.uint8, pin_memory=by_itself)
    return held.copy_(source, non_blocking=by_itself)


def _point(members: list[torch.Tensor], held: torch.Tensor) -> None:
    """Have tensors use this memory instead of theirs, each its own part of it as before."""
    storage = held.untyped_storage()
    for tensor in members:
        with torch.inference_mode(tensor.is_inference()):
            same = torch.empty(0, dtype=tensor.dtype, device=held.device)
            same.set_(storage, tensor.storage_offset(), tensor.size(), tensor.stride())
            tensor.data = same
