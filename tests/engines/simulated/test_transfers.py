from __future__ import annotations

from functools import partial

from pcm.engines.simulated.clock import Clock
from pcm.engines.simulated.scenario import Links
from pcm.engines.simulated.transfers import Transfers

LINKS = Links(
    origin_bytes_per_second=10.0, origin_streams=1, peer_bytes_per_second=20.0, peer_streams=2
)


def arrivals(links: Links, *workers: str, gone: dict[str, float] | None = None) -> dict[str, float]:
    """When who has 100 bytes, of all who ask at the beginning."""
    clock = Clock()
    found: dict[str, float] = {}
    transfers = Transfers(clock, links)

    def arrived(worker: str) -> None:
        found[worker] = clock.now

    for worker in workers:
        transfers.want(worker, 100.0, partial(arrived, worker))
    for worker, at in (gone or {}).items():
        clock.at(at, partial(transfers.gone, worker))
    while clock.next() is not None:
        clock.step()
    return found


def test_whoever_has_it_serves_so_many_others() -> None:
    assert arrivals(LINKS, "a", "b", "c", "d", "e") == {
        "a": 10.0,  # from the origin
        "b": 15.0,
        "c": 15.0,
        "d": 20.0,  # from the origin again: the other source serves two
        "e": 20.0,
    }


def test_without_peers_all_is_from_the_origin() -> None:
    alone = Links(origin_bytes_per_second=10.0, origin_streams=2, peer_streams=0)
    assert arrivals(alone, "a", "b", "c") == {"a": 10.0, "b": 10.0, "c": 20.0}


def test_when_a_source_goes_its_fetches_begin_again() -> None:
    found = arrivals(LINKS, "a", "b", "c", "d", gone={"a": 12.0})
    assert found["a"] == 10.0
    # Those that it served wait for the origin, which is with the other, then for whoever has it.
    assert min(found[worker] for worker in "bcd") >= 20.0


def test_who_goes_makes_room() -> None:
    assert arrivals(LINKS, "a", "b", gone={"a": 4.0}) == {"b": 14.0}
