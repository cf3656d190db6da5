from __future__ import annotations

import pytest

from pcm.doctor.reaching import Reach, machines, reach, reach_found

SEEN = Reach("here.example.org", ("8.8.8.8",), answers=True)


def test_what_nodes_are_told() -> None:
    check = reach_found(SEEN)
    assert (check.state, "here.example.org (8.8.8.8)" in check.detail) == ("note", True)
    limited = reach_found(SEEN._replace(ports=(9600, 9700)))
    assert "the ports 9600 to 9700: --listen one of them" in limited.detail


@pytest.mark.parametrize(
    ("seen", "problem"),
    [
        (SEEN._replace(addresses=()), "no address is known"),
        (SEEN._replace(addresses=("127.0.1.1",)), "for itself alone"),
        (SEEN._replace(answers=False), "does not answer even from here"),
        (SEEN._replace(addresses=("10.0.0.1",), machines=("8.8.4.4",)), "is private"),
    ],
)
def test_what_cannot_work(seen: Reach, problem: str) -> None:
    check = reach_found(seen)
    assert (check.state, bool(check.mend)) == ("broken", True)
    assert problem in check.detail


def test_a_pool_that_is_this_machine() -> None:
    check = reach_found(SEEN._replace(addresses=(), machines=("127.0.0.1",)))
    assert (check.state, "at 127.0.0.1" in check.detail) == ("note", True)


def test_addresses_of_machines() -> None:
    ads = [
        {"MyAddress": "<10.1.2.3:9618?addrs=10.1.2.3-9618>"},
        {"MyAddress": "<10.1.2.3:1>"},
        {"MyAddress": "<[2001:db8::1]:9618>"},
        {},
    ]
    assert machines(ads) == ["10.1.2.3", "2001:db8::1"]


def test_this_machine_is_looked_at() -> None:
    seen = reach({"machines": ["10.0.0.9"], "ports": [9600, 9700]})
    assert seen.host
    assert (seen.machines, seen.ports) == (("10.0.0.9",), (9600, 9700))
    assert reach({"ports": None}).ports is None
