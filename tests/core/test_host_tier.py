"""Contexts that leave the accelerator for the host's memory, and come back."""

from __future__ import annotations

import pytest

from pcm.core.commands import Command, Dispatch, Evict, Load, Offload
from pcm.core.events import Capacity, ReplicaChanged, ReplicaFailed, Requirements
from pcm.core.policy import Policy
from tests.core.cluster import Cluster
from tests.core.story import Story, only

GB = 10**9


class Gpu(Story):
    """One worker with a GPU of 24 GB, and runs of one item that come one after the other."""

    def __init__(self, policy: Policy | None = None, *, host_gb: int = 128, gpus: int = 1) -> None:
        super().__init__(policy)
        memory = {"gpu_memory_bytes": 24 * GB} if gpus else {}
        self.join("a", gpus=gpus, memory_bytes=host_gb * GB, **memory)
        self.gpus = gpus
        self.runs = 0

    def run(self, context: str, gb: int = 20, load_seconds: float = 10.0, **warm: bool) -> str:
        """What was done on the worker for it, in short."""
        self.runs += 1
        size = gb * GB
        needs = Requirements(gpu_memory_bytes=size, memory_bytes=0 if self.gpus else size)
        commands = self.open(1, f"run-{self.runs}", context=context, requirements=needs)
        done = []
        while not any(isinstance(command, Dispatch) for command in commands):
            done += [f"{type(c).__name__} {c.context}" for c in commands if hasattr(c, "context")]
            commands = [c for told in commands for c in self.answer(told, size, load_seconds, warm)]
        self.finish(only(commands, Dispatch))
        return ", ".join(done)

    def answer(
        self, command: Command, size: int, load_seconds: float, warm: dict[str, bool]
    ) -> list[Command]:
        match command:
            case Offload():
                held = 0 if self.gpus else GB
                told = ("host", "parked", 0.5, held, False, size)
                return self.tell(ReplicaChanged("a", command.context, *told))
            case Evict():
                return self.tell(ReplicaChanged("a", command.context, "absent", "draining"))
            case Load():
                told = ("gpu", "warm", load_seconds, size, warm.get("parks", True))
                return self.tell(ReplicaChanged("a", command.context, *told), after=load_seconds)
        return []


def test_what_was_parked_comes_back_by_a_load() -> None:
    gpu = Gpu()
    assert gpu.run("one") == "Load one"
    assert gpu.run("two") == "Offload one, Load two"
    assert gpu.run("one", load_seconds=0.4) == "Offload two, Load one"
    assert gpu.all(Load)[-1].reason == "reserved for it; it is parked there"
    assert gpu.run("two", load_seconds=0.4) == "Offload one, Load two"


def test_what_cannot_be_parked_is_given_up() -> None:
    gpu = Gpu()
    gpu.run("one", parks=False)
    assert gpu.run("two") == "Evict one, Load two"


def test_without_the_policy_nothing_is_parked() -> None:
    gpu = Gpu(Policy(offload=False))
    gpu.run("one")
    assert gpu.run("two") == "Evict one, Load two"


def test_the_hosts_memory_is_shared_by_those_that_are_worth_it() -> None:
    gpu = Gpu(host_gb=90)  # half of it: two of them
    for _ in range(3):
        gpu.run("often", load_seconds=20.0)
    gpu.run("slow", load_seconds=60.0)
    gpu.run("quick", load_seconds=5.0)
    assert gpu.run("next") == "Evict quick, Load next"  # less worth than both that are parked
    assert gpu.run("last", load_seconds=90.0) == "Evict next, Load last"
    assert gpu.run("often") == "Evict slow, Offload last, Load often"


def test_a_host_without_room_parks_nothing() -> None:
    gpu = Gpu(host_gb=16)
    gpu.run("one")
    assert gpu.run("two") == "Evict one, Load two"


def test_without_an_accelerator_what_a_parked_one_still_takes_counts() -> None:
    cpu = Gpu(gpus=0, host_gb=24)
    cpu.run("one")
    assert cpu.run("two") == "Offload one, Load two"  # 1 GB stays
    assert cpu.run("third", gb=24) == "Evict two, Evict one, Load third"


def test_one_that_could_not_be_parked_is_not_tried_again() -> None:
    gpu = Gpu()
    gpu.open(0, "later", context="one", close=False)  # so that the context is not forgotten
    gpu.run("one")
    gpu.open(1, "run-x", context="two", requirements=Requirements(gpu_memory_bytes=20 * GB))
    assert gpu.all(Offload)
    commands = gpu.tell(ReplicaChanged("a", "one", "absent", "draining"))
    assert [c.context for c in commands if isinstance(c, Load)] == ["two"]
    commands = gpu.tell(ReplicaChanged("a", "two", "gpu", "warm", 5.0, 20 * GB, True))
    gpu.finish(only(commands, Dispatch))
    gpu.run("one")
    assert gpu.run("third") == "Evict one, Load third"


@pytest.mark.parametrize("while_parked", [False, True])
def test_a_parked_one_that_dies_is_loaded_anew(while_parked: bool) -> None:
    gpu = Gpu()
    gpu.run("one")
    gpu.run("two", parks=False)
    died = ReplicaFailed("a", "one", "died", "killed by signal 9")
    if while_parked:
        gpu.tell(died)
        assert gpu.run("one") == "Evict two, Load one"
        return
    gpu.open(1, "run-x", context="one", requirements=Requirements(gpu_memory_bytes=20 * GB))
    gpu.tell(ReplicaChanged("a", "two", "absent", "draining"))
    assert "parked" in gpu.all(Load)[-1].reason
    commands = gpu.tell(died)
    assert "parked" not in only(commands, Load).reason  # at once, and without a mark against it


def test_contexts_that_take_turns_on_one_worker_load_once_each() -> None:
    def makespan(park: bool) -> tuple[float, int, int]:
        capacity = Capacity(gpus=1, gpu_memory_bytes=24 * GB, memory_bytes=128 * GB)
        cluster = Cluster(
            Policy(turn_seconds=5.0, turn_loads=1.0),
            capacity=lambda *_: capacity,
            load_seconds=lambda _: 10.0,
        )
        cluster.replicas.park = park
        cluster.size(1)
        for name in ("one", "two"):
            cluster.open(name, [0.5] * 400, context=name)
        cluster.settle()
        return cluster.now, len(cluster.orders(Offload)), len(cluster.orders(Evict))

    parked, given_up = makespan(True), makespan(False)
    assert parked[1] >= 2
    assert parked[2] == 0
    assert given_up[1] == 0
    assert given_up[2] >= 2
    assert parked[0] < given_up[0]
