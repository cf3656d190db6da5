from __future__ import annotations

from pcm.core.commands import Dispatch, Evict, Load
from pcm.core.events import ReplicaChanged, Requirements
from pcm.core.policy import Policy
from tests.core.story import Story, only

GB = 10**9


class Cache(Story):
    """One worker of 24 GB, and runs of one item that come one after the other."""

    def __init__(self, policy: Policy | None = None) -> None:
        super().__init__(policy)
        self.join("a", gpus=1, gpu_memory_bytes=24 * GB)
        self.runs = 0

    def run(self, context: str, gigabytes: int, load_seconds: float = 10.0) -> list[str]:
        """What was given up for it."""
        self.runs += 1
        needs = Requirements(gpu_memory_bytes=gigabytes * GB)
        commands = self.open(1, f"run-{self.runs}", context=context, requirements=needs)
        evicted = [c.context for c in commands if isinstance(c, Evict)]
        for name in evicted:
            commands = self.tell(ReplicaChanged("a", name, "absent", "draining"))
        if any(isinstance(c, Load) for c in commands):
            commands = self.tell(
                ReplicaChanged("a", context, "gpu", "warm", load_seconds, gigabytes * GB),
                after=load_seconds,
            )
        self.finish(only(commands, Dispatch))
        return evicted


def test_the_one_that_is_quickest_to_load_again_goes() -> None:
    cache = Cache()
    cache.run("slow", 10, load_seconds=60.0)
    cache.run("quick", 10, load_seconds=5.0)
    assert cache.run("new", 10) == ["quick"]
    assert cache.all(Evict)[-1].reason == (
        "to make room for new: it loads in 5.0 s, takes 10.0 GB, runs asked 1 times"
    )


def test_the_one_that_is_asked_for_less_often_goes() -> None:
    cache = Cache()
    for _ in range(5):
        cache.run("often", 10)
    cache.run("once", 10)
    assert cache.run("new", 10) == ["once"]


def test_of_two_that_cost_the_same_the_one_that_frees_more_goes() -> None:
    cache = Cache()
    cache.run("small", 4)
    cache.run("large", 16)
    assert cache.run("new", 10) == ["large"]


def test_what_nobody_asked_for_while_others_were_goes_in_the_end() -> None:
    cache = Cache()
    for _ in range(3):
        cache.run("favourite", 10)
    given_up: list[str] = []
    while "favourite" not in given_up:
        given_up += cache.run(f"other-{cache.runs}", 10)
        assert cache.runs < 30


def test_no_more_is_given_up_than_has_to_be() -> None:
    cache = Cache()
    cache.run("tiny", 2, load_seconds=1.0)
    cache.run("large", 20, load_seconds=30.0)
    assert cache.run("new", 20) == ["large"]


def test_without_the_policy_the_first_that_came_goes() -> None:
    cache = Cache(Policy(give_up_by_cost=False))
    cache.run("slow", 10, load_seconds=60.0)
    cache.run("quick", 10, load_seconds=5.0)
    assert cache.run("new", 10) == ["slow"]
