"""The processes of a replica that serve one model together, and what they agree on.

A replica of several ranks is as many processes on one machine, which do the same work on the same
orders, as torchrun has it; the worker tells each by ``RANK`` and ``WORLD_SIZE`` which it is.
Whatever decides how many collectives follow has to be the same in all of them: it is agreed on
here. Alone, there is nothing to agree on and torch is not imported.
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, NoReturn

from workers.host.rank_environment import INTERFACES, RENDEZVOUS

if TYPE_CHECKING:
    import torch

END_STATUS = 70
"""Of a rank that ends itself: EX_SOFTWARE of sysexits.h."""

COLLECTIVE_SECONDS = 1800.0
"""A rank may come so much later than another to what they do together. The death of a rank is seen
by the supervisor long before."""


@dataclass(frozen=True, slots=True)
class Ranks:
    """This process is number ``rank`` of ``count``, counted from 0."""

    rank: int
    count: int

    def __iter__(self) -> Iterator[int]:
        """So that ``rank, count = here()``."""
        return iter((self.rank, self.count))


ALONE = Ranks(0, 1)


def here() -> Ranks:
    """Of this process; `ALONE` where no worker made it a rank, whatever another launcher made of
    it. Raises ValueError for what cannot be."""
    if RENDEZVOUS not in os.environ:
        return ALONE
    try:
        ranks = Ranks(int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1")))
    except ValueError as error:
        raise ValueError(f"RANK and WORLD_SIZE must be numbers: {error}") from error
    if not 0 <= ranks.rank < ranks.count:
        raise ValueError(f"RANK={ranks.rank} must be at least 0 and below WORLD_SIZE={ranks.count}")
    return ranks


def device() -> torch.device:
    """Where this rank computes: a GPU of its own, if there are any."""
    import torch

    if not torch.cuda.is_available():
        return torch.device("cpu")
    seen = torch.cuda.device_count()
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")) if seen > 1 else 0)


def join(on: torch.device | None = None, seconds: float = COLLECTIVE_SECONDS) -> Ranks:
    """Let the ranks find each other; again, or alone, this does nothing.

    ``on`` is where they compute (by default `device`): on GPUs tensors travel by NCCL, on CPUs by
    gloo over the loopback interface, as do all agreements. Every rank has to call this. Raises
    TimeoutError if a rank does not come within ``seconds``.
    """
    ranks = here()
    if ranks.count == 1:
        return ranks
    import torch
    from torch import distributed

    if distributed.is_initialized():
        return ranks
    for name in INTERFACES:
        os.environ.setdefault(name, "lo")
    place = device() if on is None else on
    is_cuda = place.type == "cuda"
    if is_cuda and place.index is not None:
        torch.cuda.set_device(place)
    try:
        distributed.init_process_group(
            "cpu:gloo,cuda:nccl" if is_cuda else "gloo",
            init_method=f"file://{os.environ[RENDEZVOUS]}",
            rank=ranks.rank,
            world_size=ranks.count,
            timeout=timedelta(seconds=seconds),
        )
    except RuntimeError as error:
        raise TimeoutError(
            f"rank {ranks.rank} of {ranks.count} did not meet the others: {error}"
        ) from error
    atexit.register(leave)
    return ranks


def leave() -> None:
    """Undo `join`, where it was done; before a process ends in good order."""
    from torch import distributed

    if distributed.is_initialized():
        distributed.destroy_process_group()


def are_joined() -> bool:
    """Whether there are other ranks to agree with. Cheap: torch is not imported for it."""
    if here().count == 1:
        return False
    from torch import distributed

    return bool(distributed.is_initialized())


def agree(value: int) -> int:
    """The least value of all ranks, each of which has to ask; alone, the value itself."""
    if not are_joined():
        return value
    import torch
    from torch import distributed

    box = torch.tensor([value], dtype=torch.int64)
    distributed.all_reduce(box, distributed.ReduceOp.MIN)
    return int(box)


def same(data: bytes) -> bool:
    """Whether all ranks have these bytes, by their hash. Each has to ask, and gets one answer."""
    if not are_joined():
        return True
    number = int.from_bytes(blake2b(data, digest_size=7).digest(), "little")
    return agree(number) == -agree(-number)


def told(data: bytes) -> bytes:
    """The bytes that rank 0 has. Each rank has to ask, with bytes of its own."""
    if not are_joined():
        return data
    import torch
    from torch import distributed

    size = torch.tensor([len(data)], dtype=torch.int64)
    distributed.broadcast(size, 0)
    box = torch.zeros(int(size), dtype=torch.uint8)
    if here().rank == 0:
        box = torch.frombuffer(bytearray(data), dtype=torch.uint8) if data else box
    if len(box):
        distributed.broadcast(box, 0)
    return bytes(box.tolist())


@contextmanager
def together(what: str) -> Iterator[None]:
    """Around what each rank does without the others: where it fails on one, it fails on all.
    Raises RuntimeError on those on which it did not."""
    try:
        yield
    except Exception:
        agree(0)
        raise
    if not agree(1):
        raise RuntimeError(f"{what} failed on another rank; the log has what that one says")


def end(reason: str) -> NoReturn:
    """End this process, because the others wait for what it cannot do. They end with it: the
    supervisor ends a replica of which a rank is dead."""
    ranks = here()
    print(f"rank {ranks.rank} of {ranks.count} ends: {reason}", file=sys.stderr, flush=True)
    os._exit(END_STATUS)
