from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.workers.telemetry import namespaces
from tests.workers.telemetry.catalogue import checked
from workers.telemetry import interfaces
from workers.telemetry.net import NETSTAT, STATISTICS, Net

ROUTE = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
NO = "0" * 32


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Interfaces with indices from 1 on: lo, eth0 (a device), br0, docker0, ib0 (a device)."""
    names = ["lo", "eth0", "br0", "docker0", "ib0"]
    for index, name in enumerate(names, start=1):
        folder = tmp_path / "class" / name
        (folder / "statistics").mkdir(parents=True)
        (folder / "ifindex").write_text(f"{index}\n")
        (folder / "speed").write_text("10000\n" if name in ("eth0", "ib0") else "-1\n")
        if name in ("eth0", "ib0"):
            (folder / "device").mkdir()
        for statistic in STATISTICS:
            (folder / "statistics" / statistic).write_text("0\n")
    (tmp_path / "net").mkdir()
    monkeypatch.setattr(socket, "if_nametoindex", lambda name: names.index(name) + 1)
    return tmp_path


def routed(machine: Path, four: dict[str, str], six: dict[str, str] | None = None) -> list[str]:
    rows = [f"{name}\t{to}\t0\t3\t0\t0\t0\t0\t0\t0\t0\n" for name, to in four.items()]
    (machine / "net" / "route").write_text(ROUTE + "".join(rows))
    rows = [
        f"{to} 40 {NO} 00 {NO} 00000100 1 0 {3 if to == NO else 1:08x}     {name}\n"
        for name, to in (six or {}).items()
    ]
    (machine / "net" / "ipv6_route").write_text("".join(rows))
    return interfaces.in_use(str(machine / "net"), str(machine / "class"))


def test_interfaces_that_carry_the_traffic(machine: Path) -> None:
    assert routed(machine, {"br0": "00000000", "docker0": "000011AC", "ib0": "0000A8C0"}) == [
        "br0",
        "ib0",
    ]
    assert routed(machine, {"docker0": "000011AC", "lo": "0000007F"}) == ["docker0"]
    assert routed(machine, {}, {"eth0": NO, "docker0": "fe80" + NO[4:]}) == ["eth0"]
    assert routed(machine, {}) == []


def test_one_of_another_namespace_is_none_of_ours(machine: Path) -> None:
    (machine / "class" / "eth0" / "ifindex").write_text("77\n")
    assert routed(machine, {"eth0": "00000000"}) == []


def put(machine: Path, name: str, **values: int) -> None:
    for statistic, value in values.items():
        (machine / "class" / name / "statistics" / statistic).write_text(f"{value}\n")


def test_readings(machine: Path) -> None:
    routed(machine, {"eth0": "00000000", "ib0": "0000A8C0"})
    (machine / "net" / "snmp").write_text("Ip: A B\nIp: 1 2\nTcp: InSegs RetransSegs\nTcp: 5 100\n")
    lines = " ".join(NETSTAT), " ".join(["0"] * len(NETSTAT))
    (machine / "net" / "netstat").write_text("".join(f"TcpExt: {line}\n" for line in lines))
    net = Net.find(str(machine / "net"), str(machine / "class"))
    assert net is not None
    assert net.read(0.0) == []
    put(machine, "eth0", rx_bytes=250_000_000, tx_bytes=2_500, rx_missed_errors=3, rx_crc_errors=4)
    put(machine, "ib0", rx_bytes=1_000, tx_bytes=125_000_000, rx_fifo_errors=1)
    (machine / "net" / "snmp").write_text("Ip: A B\nIp: 1 2\nTcp: InSegs RetransSegs\nTcp: 9 110\n")
    lines = " ".join(NETSTAT), " ".join(["2"] * len(NETSTAT))
    (machine / "net" / "netstat").write_text("".join(f"TcpExt: {line}\n" for line in lines))
    assert checked(net, net.read(2.0)) == {
        ("ingress.bytes_per_second", ""): 125_000_500.0,
        ("egress.bytes_per_second", ""): 62_501_250.0,
        ("link.utilisation", "eth0"): pytest.approx(0.1),
        ("link.utilisation", "ib0"): pytest.approx(0.05),
        ("ingress.drops_per_second", ""): 2.0 + 2.0,
        ("egress.drops_per_second", ""): 0.0,
        ("link.errors_per_second", "eth0"): 2.0,
        ("link.errors_per_second", "ib0"): 0.0,
        ("egress.retransmits_per_second", ""): 5.0,
        ("ingress.retransmits_per_second", ""): 2.0,
        ("ingress.out_of_order_per_second", ""): 1.0,
    }
    net.close()


def test_a_machine_that_tells_nothing(tmp_path: Path) -> None:
    assert Net.find(str(tmp_path), str(tmp_path)) is None


def test_this_machine() -> None:
    net = Net.find()
    if net is None:
        pytest.skip("this machine has no network")
    net.read(0.0)
    assert checked(net, net.read(1.0))
    net.close()


def test_traffic_and_losses_of_a_real_interface() -> None:
    """Through a token bucket that is too small for what is sent: TCP loses segments."""
    found = namespaces.run(
        """
        import json, socket, threading, time
        from workers.telemetry.net import Net

        net = Net.find()
        net.read(time.monotonic())
        server = socket.create_server(("127.0.0.1", 0))
        client = socket.create_connection(server.getsockname())
        served, _ = server.accept()
        def receive(left):
            while left > 0:
                left -= len(served.recv(1 << 16))
        receiver = threading.Thread(target=receive, args=(200_000,))
        receiver.start()
        client.sendall(bytes(200_000))
        receiver.join()
        outside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        outside.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        for _ in range(10):
            outside.sendto(bytes(1000), ("10.9.0.255", 9))
        print(json.dumps(net.read(time.monotonic())))
        """,
        "tc qdisc add dev lo root tbf rate 4mbit burst 4000 limit 8000",
    )
    values = {(signal, place): value for signal, place, value in found}
    assert values["egress.retransmits_per_second", ""] > 0
    assert values["egress.bytes_per_second", ""] > 0
    assert ("link.utilisation", "v0") in values
