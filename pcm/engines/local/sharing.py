"""How the machine is shared among its workers: cores, memory and GPUs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

from pcm.errors import InputError
from workers import probe
from workers.host.processes import THREAD_VARIABLES, search_path
from workers.protocol import Gpu

CORES_PER_DEFAULT_WORKER = 8
"""Without GPUs, one worker per so many cores: more threads on one small model gain little."""


class Share(NamedTuple):
    """What one worker gets."""

    threads: int
    memory_bytes: int
    gpus: tuple[str, ...] = ()
    """UUIDs."""

    def environment(self) -> dict[str, str]:
        """The environment of the worker's processes."""
        environment = dict(os.environ)
        environment.update(dict.fromkeys(THREAD_VARIABLES, str(self.threads)))
        # Threads that spin while they wait take cores from others, and on a busy machine from each
        # other: measured 14 against 190 ms per item with two threads on two busy cores.
        environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        environment["TOKENIZERS_PARALLELISM"] = "false"
        environment["CUDA_VISIBLE_DEVICES"] = ",".join(self.gpus)
        environment["PYTHONPATH"] = search_path()
        return environment


class Sharing:
    """Gives each worker its share when it starts, and takes it back when it has ended."""

    def __init__(
        self,
        workers: int | None,
        threads_per_worker: int | None,
        gpus: Sequence[int | str] | None,
        gpus_per_worker: int = 1,
    ) -> None:
        """Raises InputError for GPUs that are not there, or fewer than the workers need."""
        self._workers = workers
        self._threads = threads_per_worker
        self._cores = probe.cores()
        self._memory_bytes = probe.memory_bytes()
        self._gpus = _chosen(probe.gpus(), gpus)
        self._gpus_per_worker = gpus_per_worker
        self._taken: set[str] = set()
        most = len(self._gpus) // gpus_per_worker
        if workers != 0 and gpus_per_worker > max(1, len(self._gpus)):
            raise InputError(
                f"is {gpus_per_worker}, and of GPUs there {_are(len(self._gpus))}",
                field="gpus_per_worker",
                mend="give less, or no workers here: those with more GPUs come from elsewhere by "
                "the taskvine engine and `pcm worker`",
            )
        if self._gpus and workers is not None and workers > most:
            mend = f"give {most} at most, or no gpus to compute without"
            raise InputError(f"is {workers}, but {self.too_many}", field="workers", mend=mend)

    @property
    def default_workers(self) -> int:
        """As many as the GPUs suffice for; without GPUs by the number of cores, at least one."""
        if self._gpus:
            return len(self._gpus) // self._gpus_per_worker
        return max(1, self._cores // CORES_PER_DEFAULT_WORKER)

    @property
    def too_many(self) -> str:
        """Why there can be no more workers than GPUs suffice for."""
        each = self._gpus_per_worker
        has = "has a GPU of its own" if each == 1 else f"has {each} GPUs of its own"
        return f"each worker {has} and there {_are(len(self._gpus))}"

    @property
    def workers_left(self) -> int | None:
        """How many more workers there may be; None: any number."""
        if not self._gpus:
            return None
        return (len(self._gpus) - len(self._taken)) // self._gpus_per_worker

    def take(self, running: int) -> Share:
        """A share for a new worker, if so many will be running with it. Where there are GPUs it
        has its number of its own; cores and memory are divided."""
        among = max(1, running, self._workers or 0)
        threads = self._threads or max(1, self._cores // among)
        free = [gpu.uuid for gpu in self._gpus if gpu.uuid not in self._taken]
        gpus = tuple(free[: self._gpus_per_worker])
        self._taken.update(gpus)
        return Share(threads, self._memory_bytes // among, gpus)

    def release(self, share: Share) -> None:
        """The worker has ended."""
        self._taken.difference_update(share.gpus)


def _are(count: int) -> str:
    return f"is {count}" if count == 1 else f"are {count}"


def _chosen(found: list[Gpu], wanted: Sequence[int | str] | None) -> list[Gpu]:
    if wanted is None:
        return found
    chosen = []
    for name in wanted:
        shown = probe.visible(found, str(name))
        if not shown:
            there = ", ".join(f"{gpu.index} ({gpu.name}, {gpu.uuid})" for gpu in found) or "none"
            raise InputError(f"no GPU {name}", field="gpus", mend=f"this machine has: {there}")
        chosen += [gpu for gpu in shown if gpu not in chosen]
    return chosen
