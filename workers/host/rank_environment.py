"""What differs between the ranks of a replica: their environment, named as torchrun names it.

torch need not be imported here: where the template has imported it, its threads are set as well,
since it reads the environment only once.
"""

from __future__ import annotations

import contextlib
import os
import sys

from workers import probe
from workers.host.processes import THREAD_VARIABLES

RENDEZVOUS = "PCM_RENDEZVOUS"
"""Names the file by which the ranks find each other (``file://`` of torch.distributed). Nobody else
can open it, it is empty at first, and it is gone when the ranks are. No port is opened for that."""

INTERFACES = ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME")
"""Name the network interface by which ranks talk."""


def environments(ranks: int, rendezvous: str, devices: list[str]) -> list[dict[str, str]]:
    """One per rank. ``devices``: those of the worker, as CUDA_VISIBLE_DEVICES names them.

    Each rank sees an equal part of them, counted from 0, so that its ``LOCAL_RANK`` is 0: it is
    what programs take the number of their device from. Where there are fewer than ranks none sees
    any, and ``LOCAL_RANK`` is the rank.
    """
    given = os.environ.get("OMP_NUM_THREADS", "")
    threads = max(1, (int(given) if given.isdigit() else probe.cores()) // ranks)
    each = len(devices) // ranks
    everyone = {
        "WORLD_SIZE": str(ranks),
        "LOCAL_WORLD_SIZE": str(ranks),
        RENDEZVOUS: rendezvous,
        # They are on one machine, whatever its name resolves to.
        **dict.fromkeys(INTERFACES, "lo"),
        **dict.fromkeys(THREAD_VARIABLES, str(threads)),
    }
    return [
        everyone
        | {
            "RANK": str(rank),
            "LOCAL_RANK": "0" if each else str(rank),
            "CUDA_VISIBLE_DEVICES": ",".join(devices[rank * each : (rank + 1) * each]),
        }
        for rank in range(ranks)
    ]


def enter(environment: dict[str, str]) -> None:
    """From now on this process is that rank."""
    os.environ.update(environment)
    torch = sys.modules.get("torch")
    if torch is not None:
        with contextlib.suppress(Exception):
            torch.set_num_threads(int(environment["OMP_NUM_THREADS"]))
