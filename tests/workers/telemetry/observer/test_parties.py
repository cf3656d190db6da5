"""Who is who, by address."""

from __future__ import annotations

import numpy as np
import pytest

from workers.telemetry.observer.flows import address_number
from workers.telemetry.observer.parties import Parties, Rank


def numbers(parties: Parties, *addresses: str) -> list[int]:
    given = np.array([address_number(address) for address in addresses], np.uint64)
    return parties.of(given).tolist()


def test_workers_by_any_of_their_addresses_and_others_by_none() -> None:
    parties = Parties({"w1": ["10.0.0.1", "fd00::1"], "w2": ["10.0.0.2"]}, {})
    assert numbers(parties, "10.0.0.1", "fd00::1", "10.0.0.2", "10.0.0.3") == [1, 1, 2, 0]
    assert parties.names == ["", "w1", "w2"]
    assert not parties.by_interface


def test_a_rank_is_its_worker_or_one_of_its_own() -> None:
    ranks = {Rank("tp0", 0): "10.0.0.1", Rank("tp0", 1): "10.0.0.9"}
    parties = Parties({"w1": ["10.0.0.1"]}, ranks)
    assert parties.names == ["", "w1", "tp0:1"]
    assert list(parties.ranks.values()) == [1, 2]


def test_without_names_the_interface_is_the_worker() -> None:
    parties = Parties({}, {}, "pf0hpf")
    assert parties.by_interface
    assert parties.names == ["", "pf0hpf"]


@pytest.mark.parametrize(
    ("workers", "ranks", "message"),
    [
        ({"w1": ["10.0.0"]}, {}, "10.0.0"),
        ({"w1": ["10.0.0.1"], "w2": ["10.0.0.1"]}, {}, "same address"),
        ({}, {Rank("g", 0): "10.0.0.1", Rank("g", 1): "10.0.0.1"}, "two ranks"),
        ({f"w{n}": [f"10.0.{n}.1"] for n in range(251)}, {}, "at most"),
    ],
)
def test_what_cannot_be_is_refused(
    workers: dict[str, list[str]], ranks: dict[Rank, str], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Parties(workers, ranks)
