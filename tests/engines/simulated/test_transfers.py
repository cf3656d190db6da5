"""The distribution's moves in virtual time: who has weights when, and that nobody starves."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from math import ceil, inf, log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcm.engines.simulated.clock import Clock
from pcm.engines.simulated.scenario import Links
from pcm.engines.simulated.transfers import Transfers

SIZE = 100.0


class Pool:
    """Workers that ask for 100 bytes of a context."""

    def __init__(
        self,
        peer_streams: int,
        *,
        origin: float = 10.0,
        peer: float = 20.0,
        stream: float = inf,
    ) -> None:
        links = Links(
            origin_bytes_per_second=origin,
            peer_bytes_per_second=peer,
            peer_streams=peer_streams,
            stream_bytes_per_second=stream,
        )
        self.clock = Clock()
        self.transfers = Transfers(self.clock, links)
        self.asked: dict[tuple[str, str], float] = {}
        self.found: dict[tuple[str, str], float] = {}

    def ask(self, worker: str, context: str = "model", at: float = 0.0, size: float = SIZE) -> None:
        self.asked[worker, context] = at
        arrived = partial(self._arrived, worker, context)
        self.clock.at(at, lambda: self.transfers.need(worker, context, size, arrived))

    def leave(self, worker: str, at: float) -> None:
        self.clock.at(at, lambda: self.transfers.gone(worker))

    def _arrived(self, worker: str, context: str) -> None:
        assert (worker, context) not in self.found
        self.found[worker, context] = self.clock.now

    def run(self) -> Mapping[str, float]:
        """When who has it."""
        while self.clock.next() is not None:
            self.clock.step()
        return {worker: at for (worker, _), at in self.found.items()}

    def waits(self, context: str) -> list[float]:
        return [self.found[key] - at for key, at in self.asked.items() if key[1] == context]


def test_one_copy_from_the_origin_and_the_rest_from_each_other() -> None:
    pool = Pool(peer_streams=1)
    for worker in "abcdefg":
        pool.ask(worker)
    assert pool.run() == {"a": 10.0, "b": 15.0, "c": 20.0, "d": 20.0, "e": 25.0, "f": 25.0, "g": 25}


def test_those_who_fetch_from_one_source_share_what_it_sends() -> None:
    pool = Pool(peer_streams=2)
    for worker in "abcd":
        pool.ask(worker)
    assert pool.run() == {"a": 10.0, "b": 20.0, "c": 20.0, "d": 25.0}


def test_without_peers_all_is_from_the_origin_to_so_many_at_a_time() -> None:
    pool = Pool(peer_streams=0, origin=40.0)
    for number in range(8):
        pool.ask(f"w{number}")
    assert list(pool.run().values()) == pytest.approx([10.0] * 4 + [20.0] * 4)


def test_what_takes_longer_than_a_piece_goes_on() -> None:
    """The distribution would take a worker that is silent for a minute for stuck."""
    pool = Pool(peer_streams=1, origin=10e6, peer=20e6)
    for worker in "ab":
        pool.ask(worker, size=5e9)
    assert pool.run() == {"a": pytest.approx(500.0), "b": pytest.approx(750.0)}


def test_when_the_only_source_goes_it_begins_again_from_the_origin() -> None:
    pool = Pool(peer_streams=2)
    for worker in "abc":
        pool.ask(worker)
    pool.leave("a", at=12.0)
    assert pool.run() == {"a": 10.0, "b": 22.0, "c": 27.0}


def test_when_one_of_several_sources_goes_the_others_serve() -> None:
    pool = Pool(peer_streams=1)
    for worker in "abcd":
        pool.ask(worker)
    pool.leave("b", at=17.0)  # it serves "d", and "a" serves "c"
    assert pool.run() == {"a": 10.0, "b": 15.0, "c": 20.0, "d": 25.0}


def test_who_goes_makes_room() -> None:
    pool = Pool(peer_streams=1)
    for worker in "ab":
        pool.ask(worker)
    pool.leave("a", at=4.0)
    assert pool.run() == {"b": 14.0}


def test_who_has_it_already_is_a_source() -> None:
    pool = Pool(peer_streams=1)
    pool.transfers.need("has", "model", SIZE, lambda: None, has=True)
    pool.ask("a", at=1.0)
    assert pool.run() == {"a": 6.0}


def test_what_was_given_up_on_its_way_still_arrives_and_once() -> None:
    pool = Pool(peer_streams=1)
    pool.ask("a")
    pool.clock.at(3.0, lambda: pool.transfers.released("a", "model"))
    pool.clock.at(
        4.0,
        lambda: pool.transfers.need("a", "model", SIZE, lambda: pool._arrived("a", "model")),
    )
    assert pool.run() == {"a": 10.0}


@settings(max_examples=60)
@given(
    st.lists(st.floats(0.0, 60.0), min_size=1, max_size=100),
    st.integers(1, 4),
    st.sampled_from([inf, 20.0, 7.0]),
)
def test_however_many_join_within_a_minute_nobody_waits_longer_than_the_rounds(
    joins: list[float], peer_streams: int, stream: float
) -> None:
    """The first copy; then in the time that a source takes for all whom it serves there are so
    many times as many sources."""
    pool = Pool(peer_streams, stream=stream)
    for number, at in enumerate(joins):
        pool.ask(f"w{number}", at=at)
    pool.run()
    first = SIZE / min(10.0, stream)
    round_seconds = SIZE / min(20.0 / peer_streams, stream)
    rounds = ceil(log(len(joins), peer_streams + 1) - 1e-9)
    assert max(pool.waits("model")) <= first + rounds * round_seconds + 1e-6
    # What the clairvoyant bound takes for the least.
    assert min(pool.waits("model")) >= SIZE / min(20.0, stream) - 1e-6


@settings(max_examples=60)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 3), st.floats(0.0, 30.0))
def test_a_crowd_for_one_context_does_not_hold_up_another(
    many: int, few: int, peer_streams: int, at: float
) -> None:
    """They share the origin at most: two first copies, each at half of its rate."""
    pool = Pool(peer_streams)
    for number in range(many):
        pool.ask(f"a{number}", "a")
    for number in range(few):
        pool.ask(f"b{number}", "b", at=at)
    pool.run()
    rounds = ceil(log(few, peer_streams + 1) - 1e-9)
    assert max(pool.waits("b")) <= 2 * SIZE / 10.0 + rounds * SIZE * peer_streams / 20.0 + 1e-6


def test_without_peers_a_crowd_for_one_context_does_not_hold_up_another() -> None:
    pool = Pool(peer_streams=0, origin=40.0)
    for number in range(100):
        pool.ask(f"a{number}", "a")
    pool.ask("b", "b", at=1.0)
    pool.run()
    assert pool.waits("b") == [pytest.approx(19.0)]  # the next that the origin has room for
