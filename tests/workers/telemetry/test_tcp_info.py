from __future__ import annotations

import contextlib
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.workers.telemetry import namespaces
from tests.workers.telemetry.catalogue import checked
from tests.workers.telemetry.own_connections import of_descriptors
from workers.telemetry import carrier
from workers.telemetry.sock_diag import SockDiag, sockets_of
from workers.telemetry.tcp_info import INFO_BYTES, Connection, TcpInfo


def info(**fields: tuple[str, int, int]) -> bytes:
    content = bytearray(INFO_BYTES)
    for kind, offset, value in fields.values():
        struct.pack_into(kind, content, offset, value)
    return bytes(content)


def test_ours_and_those_with_peers() -> None:
    now: list[Connection] = []
    sampler = TcpInfo(lambda: now)
    now[:] = [Connection(1, "", info(), 10), Connection(2, "eth0>w2", info(), 0)]
    sampler.read(0.0)
    ours = info(retransmits=("I", 100, 6), out_of_order=("I", 224, 4), timeouts=("H", 240, 9))
    theirs = info(
        retransmits=("I", 100, 8),
        limited=("Q", 176, 500_000),
        timeouts=("H", 240, 2),
        marks=("I", 196, 4),
        round_trip=("I", 68, 250),
    )
    other = info(round_trip=("I", 68, 750))
    now[:] = [
        Connection(1, "", ours, 300),
        Connection(2, "eth0>w2", theirs, 5),
        Connection(3, "eth0>w2", other, 5),
    ]
    assert checked(sampler, sampler.read(2.0)) == {
        ("egress.retransmits_per_second", ""): 3.0,
        ("ingress.out_of_order_per_second", ""): 2.0,
        ("egress.backlog_bytes", ""): 300.0,
        ("fabric.retransmits_per_second", "eth0>w2"): 4.0,
        ("fabric.timeouts_per_second", "eth0>w2"): 1.0,
        ("fabric.ecn_marks_per_second", "eth0>w2"): 2.0,
        ("fabric.stall_share", "eth0>w2"): pytest.approx(0.25),
        ("fabric.latency_seconds", "eth0>w2"): pytest.approx(500e-6),
    }


def test_an_older_kernel_tells_less() -> None:
    short = info()[:104]
    sampler = TcpInfo(lambda: [Connection(1, "", short, 0)])
    sampler.read(0.0)
    assert checked(sampler, sampler.read(1.0)) == {
        ("egress.retransmits_per_second", ""): 0.0,
        ("egress.backlog_bytes", ""): 0.0,
    }


def test_a_connection_that_ended_is_forgotten() -> None:
    now = [Connection(1, "", info(retransmits=("I", 100, 5)), 0)]
    sampler = TcpInfo(lambda: now)
    sampler.read(0.0)
    now.clear()
    assert sampler.read(1.0) == []
    now.append(Connection(1, "", info(retransmits=("I", 100, 50)), 0))
    assert [signal for signal, _, _ in sampler.read(2.0)] == ["egress.backlog_bytes"]


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        served, _ = server.accept()
    with client, served:
        yield client, served


def test_what_nobody_reads_is_a_backlog(pair: tuple[socket.socket, socket.socket]) -> None:
    client, served = pair
    client.setblocking(False)
    sent = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            sent += client.send(bytes(1 << 16))
    sampler = TcpInfo(lambda: of_descriptors({client.fileno(): "", served.fileno(): "lo>w2"}))
    found = checked(sampler, sampler.read(0.0))
    assert 0 < found["egress.backlog_bytes", ""] <= sent
    assert found["fabric.latency_seconds", "lo>w2"] > 0
    assert client.fileno() >= 0  # They were only lent.
    client.getpeername()
    sampler.close()


def test_losses_of_a_real_connection() -> None:
    """And the same connection over netlink, as another process would see it."""
    found = namespaces.run(
        """
        import json, os, socket, threading, time
        from workers.telemetry.carrier import Carrier
        from workers.telemetry.sock_diag import SockDiag
        from tests.workers.telemetry.own_connections import of_descriptors
        from workers.telemetry.tcp_info import TcpInfo

        server = socket.create_server(("127.0.0.1", 0))
        client = socket.create_connection(server.getsockname())
        served, _ = server.accept()
        sampler = TcpInfo(lambda: of_descriptors({client.fileno(): ""}))
        other = TcpInfo(Carrier(os.getpid(), SockDiag()).connections)
        sampler.read(0.0), other.read(0.0)
        def receive(left):
            while left > 0:
                left -= len(served.recv(1 << 16))
        receiver = threading.Thread(target=receive, args=(200_000,))
        receiver.start()
        client.sendall(bytes(200_000))
        receiver.join()
        print(json.dumps([sampler.read(1.0), other.read(1.0)]))
        """,
        "tc qdisc add dev lo root tbf rate 4mbit burst 4000 limit 8000",
    )
    ours, seen = ({signal: value for signal, _, value in each} for each in found)
    assert ours["egress.retransmits_per_second"] > 0
    assert seen["egress.retransmits_per_second"] >= ours["egress.retransmits_per_second"]


def test_other_processes_connections(pair: tuple[socket.socket, socket.socket]) -> None:
    client, served = pair
    diag = SockDiag.find()
    if diag is None:
        pytest.skip("this kernel does not tell")
    inodes = sockets_of(os.getpid())
    assert os.fstat(client.fileno()).st_ino in inodes
    served.sendall(b"hello")
    connections = carrier.Carrier(os.getpid(), diag)
    for _ in range(2):  # Found by a search, then asked for by name.
        keys = {connection.key for connection in connections.connections()}
        assert {os.fstat(client.fileno()).st_ino, os.fstat(served.fileno()).st_ino} <= keys
    known = [told for told in diag.all() if told.inode == os.fstat(client.fileno()).st_ino]
    assert len(known) == 1
    assert len(known[0].info) >= 104
    client.close()
    served.close()
    assert diag.one(known[0]) is None
    diag.close()


def test_connections_of_a_real_ancestor() -> None:
    """A process of the carrier's name with a connection; its grandchild looks for it."""
    if (diag := SockDiag.find()) is None:
        pytest.skip("this kernel does not tell")
    diag.close()
    looks = "from workers.telemetry import carrier; print(carrier.find().read(0.0))"
    program = f"""
import pathlib, socket, subprocess, sys
pathlib.Path("/proc/self/comm").write_text("vine_worker")
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname())
served, _ = server.accept()
looks = [sys.executable, "-c", {looks!r}]
subprocess.run(["sh", "-c", '"$@"; exit', "sh", *looks], check=True)
"""
    answer = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(namespaces.ROOT)},
        timeout=60,
    )
    assert answer.stdout.strip() == "[('egress.backlog_bytes', '', 0.0)]"


def test_the_carrier_is_found_among_ancestors() -> None:
    family = {os.getppid(): ("sh", 70), 70: ("vine_worker", 60), 60: ("condor_starter", 1)}
    sampler = carrier.find(family.__getitem__)
    if sampler is not None:
        sampler.close()
    family[70] = "python", 60
    assert carrier.find(family.__getitem__) is None
    assert carrier.find() is None
    assert sockets_of(2**22 + 1) == set()
