from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from workers.host.link import FrameError, Link
from workers.protocol import MAX_FRAME_BYTES


@pytest.fixture
def pair() -> Iterator[tuple[Link, Link]]:
    one, other = (Link(sock) for sock in socket.socketpair())
    yield one, other
    one.close()
    other.close()


def test_frames_arrive_whole_and_in_order(pair: tuple[Link, Link]) -> None:
    one, other = pair
    for body in (b"a", b"", b"bc" * 10_000, b"d"):
        one.send(body)
    assert other.receive() == [b"a", b"", b"bc" * 10_000, b"d"]
    assert not other.ended


def test_a_frame_that_comes_in_pieces(pair: tuple[Link, Link]) -> None:
    one, other = pair
    data = b"\0\0\0\5hello\0\0\0\1!"
    got = []
    for byte in data:
        one.socket.send(bytes([byte]))
        got += other.receive()
    assert got == [b"hello", b"!"]


def test_what_the_socket_does_not_take_is_kept(pair: tuple[Link, Link]) -> None:
    one, other = pair
    bodies = [bytes([n]) * (n * 40_000 + n) for n in range(50)]
    for body in bodies:
        one.send(body)
    assert one.unsent
    got: list[bytes] = []
    while len(got) < len(bodies):
        got += other.receive()
        one.flush()
    assert got == bodies
    assert not one.unsent


def test_a_large_frame_between_small_ones(pair: tuple[Link, Link]) -> None:
    one, other = pair
    bodies = [b"x", b"y" * (20 << 20), b"z"]
    for body in bodies:
        one.send(body)
    got: list[bytes] = []
    while len(got) < 3:
        got += other.receive()
        one.flush()
    assert got == bodies


def test_drain_reads_all_that_a_dead_peer_sent(pair: tuple[Link, Link]) -> None:
    one, other = pair
    for n in range(3):
        one.send(bytes([n]) * 65_536)
    one.socket.send(b"\0\0\0\5he")
    one.close()
    assert [len(frame) for frame in other.receive(drain=True)] == [65_536] * 3
    assert other.ended


def test_the_end_of_the_peer_is_seen_behind_its_frames(pair: tuple[Link, Link]) -> None:
    one, other = pair
    one.send(b"last")
    one.close()
    assert other.receive() == [b"last"]
    assert other.receive() == []
    assert other.ended
    other.send(b"into the void")
    assert not other.unsent


def test_a_length_that_makes_no_sense(pair: tuple[Link, Link]) -> None:
    one, other = pair
    one.socket.send((MAX_FRAME_BYTES + 1).to_bytes(4, "big"))
    with pytest.raises(FrameError, match="a frame of"):
        other.receive()


def test_flush_within_gives_up_on_a_peer_that_does_not_read(pair: tuple[Link, Link]) -> None:
    one, _ = pair
    one.send(b"x" * (4 << 20))
    assert not one.flush_within(0.01)


def test_what_the_system_has_taken_is_told_from_what_was_given(pair: tuple[Link, Link]) -> None:
    one, other = pair
    one.send(b"small")
    assert (one.given_bytes, one.taken_bytes) == (9, 9)
    one.send(bytes(4 << 20))
    assert one.given_bytes == 9 + 4 + (4 << 20)
    assert 9 < one.taken_bytes < one.given_bytes
    while one.unsent:
        other.receive()
        one.flush()
    assert one.taken_bytes == one.given_bytes
