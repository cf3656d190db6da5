from __future__ import annotations

from pathlib import Path

import pytest

from tests.workers.telemetry.catalogue import checked
from workers.telemetry.pressure import Pressure


def write(folder: Path, name: str, total: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    lines = f"some avg10=1.00 avg60=0.00 avg300=0.00 total={total}\n"
    (folder / name).write_text(lines + lines.replace("some", "full").replace(str(total), "9"))


def find(root: Path, path: str = "/") -> Pressure | None:
    (root / "membership").write_text(f"4:memory:/elsewhere\n0::{path}\n")
    return Pressure.find(str(root / "proc"), str(root / "groups"), str(root / "membership"))


def test_the_share_of_time_that_was_waited(tmp_path: Path) -> None:
    write(tmp_path / "proc", "cpu", 1_000_000)
    write(tmp_path / "proc", "io", 5)
    pressure = find(tmp_path)
    assert pressure is not None
    assert pressure.read(10.0) == []
    write(tmp_path / "proc", "cpu", 1_500_000)
    write(tmp_path / "proc", "io", 9_000_005)
    assert checked(pressure, pressure.read(12.0)) == {
        ("host.cpu_pressure", ""): pytest.approx(0.25),
        ("host.io_pressure", ""): 1.0,
    }
    (tmp_path / "proc" / "cpu").write_text("")
    write(tmp_path / "proc", "io", 9_000_005)
    assert checked(pressure, pressure.read(13.0)) == {("host.io_pressure", ""): 0.0}
    pressure.close()


def test_the_own_group_comes_before_the_machine(tmp_path: Path) -> None:
    write(tmp_path / "proc", "cpu", 0)
    write(tmp_path / "proc", "memory", 0)
    write(tmp_path / "groups" / "job", "cpu.pressure", 0)
    pressure = find(tmp_path, "/job")
    assert pressure is not None
    pressure.read(0.0)
    write(tmp_path / "proc", "cpu", 900_000)
    write(tmp_path / "groups" / "job", "cpu.pressure", 100_000)
    assert checked(pressure, pressure.read(1.0)) == {
        ("host.cpu_pressure", ""): pytest.approx(0.1),
        ("host.memory_pressure", ""): 0.0,
    }
    pressure.close()


def test_a_kernel_without_it(tmp_path: Path) -> None:
    assert find(tmp_path) is None
    assert Pressure.find(str(tmp_path), str(tmp_path), str(tmp_path / "absent")) is None


def test_this_machine() -> None:
    pressure = Pressure.find()
    if pressure is None:
        pytest.skip("this kernel tells no pressure")
    assert pressure.read(0.0) == []
    assert checked(pressure, pressure.read(1000.0))
    pressure.close()
