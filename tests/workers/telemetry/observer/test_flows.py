"""The table of flows: both directions together, never more than it holds, and what it gives up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workers.telemetry.observer.packets import BEGIN_NS, A, B, Packet, columns
from workers.telemetry.observer.flows import IDLE_NS, Flows, address_number, address_text

SECOND = 1_000_000_000


def table(capacity: int = 8) -> tuple[Flows, list[int]]:
    forgotten: list[int] = []
    return Flows(capacity, lambda flows: forgotten.extend(flows.tolist())), forgotten


def test_both_directions_are_one_flow_and_protocols_are_not() -> None:
    flows, _ = table()
    there, back = Packet(0.0), Packet(0.1, B, A, source_port=2000, target_port=1000)
    rows, new = flows.place(columns([there, back, there, there._replace(protocol=17)]))
    assert rows[0] == rows[2] == rows[1] ^ 1
    assert rows[3] >> 1 != rows[0] >> 1
    assert sorted(new.tolist()) == sorted({int(rows[0]) >> 1, int(rows[3]) >> 1})
    assert (flows.name(rows[0]), flows.name(rows[1])) == ("10.0.0.1:1000", "10.0.0.2:2000")
    again, new = flows.place(columns([back]))
    assert again.tolist() == [rows[1]]
    assert not len(new)


@settings(max_examples=40)
@given(st.lists(st.lists(st.integers(1, 30), min_size=1, max_size=20), min_size=1, max_size=12))
def test_it_never_holds_more_than_it_can_and_what_left_is_counted(batches: list[list[int]]) -> None:
    flows, forgotten = table(8)
    introduced = 0
    for at, ports in enumerate(batches):
        rows, new = flows.place(columns([Packet(at, source_port=port) for port in ports]))
        introduced += len(new)
        assert len(flows) <= 8
        kept = dict(zip(ports, rows.tolist(), strict=True))
        placed = [row for row in kept.values() if row >= 0]
        assert len(placed) == len(set(placed)) == min(8, len(kept))
    assert introduced - len(forgotten) == len(flows)


def test_the_quietest_makes_room() -> None:
    flows, forgotten = table(8)
    for port in range(1, 9):
        flows.place(columns([Packet(float(port), source_port=port)]))
    rows, _ = flows.place(columns([Packet(10.0, source_port=1)]))
    flows.place(columns([Packet(11.0, source_port=99)]))
    assert len(forgotten) == flows.evicted == 1
    assert forgotten != [int(rows[0]) >> 1]
    assert flows.place(columns([Packet(12.0, source_port=1)]))[0].tolist() == rows.tolist()


def test_what_was_idle_for_long_has_ended_and_is_not_called_given_up() -> None:
    flows, forgotten = table()
    flows.place(columns([Packet(0.0, source_port=1)]))
    flows.place(columns([Packet(100.0, source_port=2)]))
    flows.expire(BEGIN_NS + IDLE_NS + SECOND)
    assert (len(flows), len(forgotten), flows.evicted) == (1, 1, 0)


@pytest.mark.parametrize("text", ["10.1.2.3", "fd00::5"])
def test_addresses_there_and_back(text: str) -> None:
    assert address_text(*address_number(text)).strip("[]") == text


def test_its_size_has_limits() -> None:
    for capacity in (0, 1 << 16):
        with pytest.raises(ValueError, match="flows"):
            Flows(capacity, lambda flows: None)


def test_no_packets_no_rows() -> None:
    rows, new = table()[0].place(columns([]))
    assert np.concatenate([rows, new]).tolist() == []
