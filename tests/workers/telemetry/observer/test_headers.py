"""Headers become columns, whatever lies before and between them; what is broken is left out."""

from __future__ import annotations

import ipaddress

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.workers.telemetry.observer.packets import Packet, columns, frame, matrix
from workers.telemetry.observer.flows import address_text
from workers.telemetry.observer.headers import NO_ID, TCP, UDP, Packets, parse

NETWORK = 14


def parsed(frames: list[bytes], whole_bytes: list[int] | None = None) -> Packets:
    lengths = np.array([len(content) for content in frames])
    network_bytes = lengths - NETWORK if whole_bytes is None else np.array(whole_bytes)
    count = len(frames)
    return parse(
        matrix(frames),
        np.full(count, NETWORK),
        lengths,
        network_bytes,
        np.arange(count),
        np.zeros(count, bool),
    )


halves = st.integers(0, 2**16 - 1)
four = st.integers(0, 2**32 - 1).map(lambda number: str(ipaddress.IPv4Address(number)))
six = st.integers(2**120, 2**128 - 1).map(lambda number: str(ipaddress.IPv6Address(number)))


def packets(addresses: st.SearchStrategy[str]) -> st.SearchStrategy[Packet]:
    return st.builds(
        Packet,
        at=st.just(0.0),
        source=addresses,
        target=addresses,
        source_port=halves,
        target_port=halves,
        payload=st.integers(0, 60_000),
        flags=st.integers(0, 255),
        sequence=st.integers(0, 2**32 - 1),
        acknowledged=st.integers(0, 2**32 - 1),
        window=halves,
        identification=st.integers(1, 2**16 - 1),
        ecn=st.integers(0, 3),
        protocol=st.just(TCP),
        outgoing=st.just(False),
    )


options = st.fixed_dictionaries(
    {"tags": st.integers(0, 1), "ip_options": st.integers(0, 3), "tcp_options": st.integers(0, 10)}
)


@given(st.lists(st.tuples(packets(four) | packets(six), options), min_size=1, max_size=20))
def test_every_field_comes_back_whatever_the_layout(
    given_packets: list[tuple[Packet, dict[str, int]]],
) -> None:
    frames, expected = [], []
    for packet, chosen in given_packets:
        is_six = ":" in packet.source
        frames.append(frame(packet, **(chosen | {"ip_options": 0} if is_six else chosen)))
        expected.append(packet._replace(identification=NO_ID) if is_six else packet)
    found, wanted = parsed(frames), columns(expected)
    assert len(found) == len(frames)
    for name in ("source_high", "source_low", "target_high", "target_low", "source_port",
                 "target_port", "flags", "sequence", "acknowledged", "window", "ecn",
                 "identification", "payload_bytes"):  # fmt: skip
        assert getattr(found, name).tolist() == getattr(wanted, name).tolist(), name


def test_udp_has_ports_and_payload_and_nothing_of_tcp() -> None:
    found = parsed([frame(Packet(0.0, protocol=UDP, payload=700)) + b"\xff" * 40])
    assert found.payload_bytes.tolist() == [700]
    assert (found.source_port[0], found.target_port[0]) == (1000, 2000)
    assert found.flags[0] == found.sequence[0] == found.window[0] == 0


def test_a_packet_too_long_for_its_own_length_field_has_the_interface_s_length() -> None:
    content = bytearray(frame(Packet(0.0)))
    content[16:18] = b"\0\0"
    found = parsed([bytes(content)], [100_040])
    assert found.payload_bytes.tolist() == [100_000]


def test_what_was_cut_before_its_headers_end_is_left_out() -> None:
    whole = frame(Packet(0.0, payload=5))
    found = parsed([whole[:40], whole])
    assert found.time_ns.tolist() == [1]


@given(st.lists(st.binary(max_size=140), min_size=1, max_size=30))
def test_bytes_at_random_do_no_harm(frames: list[bytes]) -> None:
    found = parsed(frames)
    assert (found.payload_bytes >= 0).all()
    assert len(found.flags) == len(found)


def test_parts_are_joined_in_the_order_of_time() -> None:
    one, other = columns([Packet(1.0), Packet(3.0)]), columns([Packet(2.0, payload=7)])
    joined = Packets.joined([one, other])
    assert joined.payload_bytes.tolist() == [0, 7, 0]
    assert address_text(int(joined.source_high[1]), int(joined.source_low[1])) == "10.0.0.1"
