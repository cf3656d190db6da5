from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workers.telemetry.catalogue import checked
from workers.telemetry import mlx5, nic_counters
from workers.telemetry.mlx5 import Mlx5


class RecordedEthtool:
    """Answers like a ConnectX's driver, of which it has some statistics."""

    values_by_name: dict[str, int]

    def __init__(self, interface: str) -> None:
        self.names = [*self.values_by_name, "rx_vport_unicast_packets"]

    @classmethod
    def find(cls, interface: str) -> RecordedEthtool:
        return cls(interface)

    def values(self, indices: list[int]) -> Iterator[tuple[int, int]]:
        for index in indices:
            yield index, self.values_by_name[self.names[index]]

    def close(self) -> None:
        pass


def port(root: Path, device: str, link: str, beside: str = "") -> Path:
    folder = root / device / "ports" / "1"
    for name in ("hw_counters", "counters"):
        (folder / name).mkdir(parents=True)
    for name in (*nic_counters.HARDWARE, "lifespan", "rx_write_requests"):
        (folder / "hw_counters" / name).write_text("0\n")
    for name in ("port_rcv_data", "port_xmit_data", "symbol_error", "link_downed"):
        (folder / "counters" / name).write_text("0\n")
    (folder / "link_layer").write_text(f"{link}\n")
    (folder / "rate").write_text("100 Gb/sec (4X EDR)\n")
    if beside:
        (root / device / "device" / "net" / beside).mkdir(parents=True)
    return folder


def test_an_rdma_port_on_ethernet(tmp_path: Path) -> None:
    folder = port(tmp_path, "mlx5_0", "Ethernet", "ens1f0")
    sampler = Mlx5.find(str(tmp_path / "none"), str(tmp_path))
    assert sampler is not None
    assert sampler.read(0.0) == []
    for name, value in {
        "packet_seq_err": 4,
        "implied_nak_seq_err": 2,
        "local_ack_timeout_err": 8,
        "rnr_nak_retry_err": 10,
        "out_of_sequence": 6,
        "np_ecn_marked_roce_packets": 100,
        "out_of_buffer": 12,
    }.items():
        (folder / "hw_counters" / name).write_text(f"{value}\n")
    assert checked(sampler, sampler.read(2.0)) == {
        ("ingress.drops_per_second", ""): 6.0,
        ("ingress.out_of_order_per_second", ""): 3.0,
        ("ingress.retransmits_per_second", ""): 0.0,
        ("fabric.naks_per_second", "ens1f0"): 3.0,
        ("fabric.timeouts_per_second", "ens1f0"): 4.0,
        ("fabric.not_ready_per_second", "ens1f0"): 5.0,
        ("fabric.retransmits_per_second", "ens1f0"): 0.0,
        ("fabric.ecn_marks_per_second", "ens1f0"): 50.0,
    }
    sampler.close()


def test_an_infiniband_port_counts_words(tmp_path: Path) -> None:
    folder = port(tmp_path, "mlx5_1", "InfiniBand")
    sampler = Mlx5.find(str(tmp_path / "none"), str(tmp_path))
    assert sampler is not None
    sampler.read(0.0)
    (folder / "counters" / "port_rcv_data").write_text(f"{10**9}\n")  # 4 GB in 1 s: 32 of 100 Gb/s
    (folder / "counters" / "symbol_error").write_text("7\n")
    found = checked(sampler, sampler.read(1.0))
    assert found["link.utilisation", "mlx5_1"] == pytest.approx(0.32)
    assert found["link.errors_per_second", "mlx5_1"] == 7.0
    sampler.close()


def test_only_named_files_are_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each read of a counter asks the firmware, so the rest of the folder is not touched."""
    opened: list[str] = []

    class Watched(mlx5.KeptFile):
        def __init__(self, path: str) -> None:
            opened.append(Path(path).name)
            super().__init__(path)

    monkeypatch.setattr(mlx5, "KeptFile", Watched)
    port(tmp_path, "mlx5_0", "Ethernet")
    sampler = Mlx5.find(str(tmp_path / "none"), str(tmp_path))
    assert sampler is not None
    assert sorted(opened) == sorted(nic_counters.HARDWARE)
    sampler.close()


def test_a_counter_that_this_card_has_not(tmp_path: Path) -> None:
    folder = port(tmp_path, "mlx5_0", "Ethernet")
    (folder / "hw_counters" / "roce_adp_retrans").unlink()
    (folder / "hw_counters" / "packet_seq_err").write_text("not a number")
    sampler = Mlx5.find(str(tmp_path / "none"), str(tmp_path))
    assert sampler is not None
    sampler.read(0.0)
    found = checked(sampler, sampler.read(1.0))
    assert ("fabric.retransmits_per_second", "mlx5_0") not in found
    assert found["fabric.naks_per_second", "mlx5_0"] == 0.0
    sampler.close()


def test_an_interface(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, module in (("ens1f0", "mlx5_core"), ("eno1", "igb")):
        (tmp_path / "drivers" / module).mkdir(parents=True)
        (tmp_path / "net" / name / "device").mkdir(parents=True)
        (tmp_path / "net" / name / "device" / "driver").symlink_to(tmp_path / "drivers" / module)
        (tmp_path / "net" / name / "speed").write_text("100000\n")
    RecordedEthtool.values_by_name = {
        "rx_bytes_phy": 0,
        "tx_bytes_phy": 0,
        "rx_out_of_buffer": 0,
        "rx_discards_phy": 0,
        "tx_discards_phy": 0,
        "rx_symbol_err_phy": 0,
        "rx_prio3_pause_duration": 0,
        "rx_prio4_pause_duration": 0,
        "rx_prio3_marked": 0,
    }
    monkeypatch.setattr(mlx5, "Ethtool", RecordedEthtool)
    sampler = Mlx5.find(str(tmp_path / "net"), str(tmp_path / "none"))
    assert sampler is not None
    sampler.read(0.0)
    RecordedEthtool.values_by_name |= {
        "rx_bytes_phy": 5_000_000_000,  # In 1 s: 40 of 100 Gb/s.
        "tx_bytes_phy": 1_000,
        "rx_out_of_buffer": 3,
        "rx_discards_phy": 4,
        "tx_discards_phy": 5,
        "rx_symbol_err_phy": 6,
        "rx_prio3_pause_duration": 250_000,
        "rx_prio4_pause_duration": 100_000,
        "rx_prio3_marked": 9,
    }
    assert checked(sampler, sampler.read(1.0)) == {
        ("link.utilisation", "ens1f0"): pytest.approx(0.4),
        ("ingress.drops_per_second", ""): 7.0,
        ("egress.drops_per_second", ""): 5.0,
        ("link.errors_per_second", "ens1f0"): 6.0,
        ("fabric.pause_share", "ens1f0"): pytest.approx(0.25),
        ("fabric.ecn_marks_per_second", "ens1f0"): 9.0,
    }
    sampler.close()


def test_no_card(tmp_path: Path) -> None:
    assert Mlx5.find(str(tmp_path / "net"), str(tmp_path / "rdma")) is None
