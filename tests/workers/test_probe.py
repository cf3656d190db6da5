from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from workers import probe
from workers.host.processes import search_path
from workers.protocol import Gpu


def test_this_machine(tmp_path: Path) -> None:
    machine = probe.machine(str(tmp_path))
    assert 1 <= machine.cores <= len(os.sched_getaffinity(0))
    assert 0 < machine.memory_bytes <= psutil.virtual_memory().total
    assert machine.disk_bytes > 0
    assert machine.kind == (machine.gpus[0].name if machine.gpus else "cpu")


def test_its_zone_is_what_it_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(probe.ZONE_VARIABLE, " a site\n\x1b ")
    assert probe.machine().zone == "a site"
    monkeypatch.delenv(probe.ZONE_VARIABLE)
    assert probe.machine().zone == ""
    assert probe.zone("x" * 1000) == "x" * probe.ZONE_CHARACTERS


def test_versions_are_those_of_the_metadata() -> None:
    found = probe.packages()
    assert found["msgspec"] == importlib.metadata.version("msgspec")
    for name, version in found.items():
        assert version == importlib.metadata.version(name).lower()


def test_as_a_program_it_prints_json_and_imports_nothing_heavy() -> None:
    code = "import sys; from workers import probe; probe.main(); print(sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": search_path()},
        capture_output=True,
        text=True,
        check=True,
    )
    text, _, modules = done.stdout.rstrip("\n").rpartition("\n")
    assert json.loads(text)["python"] == ".".join(map(str, sys.version_info[:3]))
    assert not {"'torch'", "'numpy'", "'cloudpickle'"} & set(modules.strip("[]").split(", "))


def write(root: Path, **files: str) -> str:
    root.mkdir(exist_ok=True)
    for name, text in files.items():
        (root / name.replace("__", ".")).write_text(text + "\n")
    return str(root)


@pytest.mark.parametrize(
    ("files", "most"),
    [
        ({"cpu__max": "150000 100000"}, 2),
        ({"cpu__max": "50000 100000"}, 1),
        ({"cpu__max": "max 100000"}, None),
        ({"cpu__cfs_quota_us": "100000", "cpu__cfs_period_us": "100000"}, 1),
        ({"cpu__cfs_quota_us": "-1", "cpu__cfs_period_us": "100000"}, None),
        ({"cpu__max": "nonsense"}, None),
    ],
)
def test_cores_by_quota(tmp_path: Path, files: dict[str, str], most: int | None) -> None:
    available = len(os.sched_getaffinity(0))
    root = write(tmp_path, **files)
    assert probe.cores(root) == (available if most is None else min(available, most))


def test_cores_by_affinity() -> None:
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert probe.cores("/nonexistent") == 1
    finally:
        os.sched_setaffinity(0, before)


def test_memory_by_limit(tmp_path: Path) -> None:
    root = tmp_path / "groups"
    assert probe.memory_bytes(write(root, memory__max="1000000")) == 1000000
    everything = psutil.virtual_memory().total
    assert probe.memory_bytes(write(root, memory__max="max")) == everything
    unlimited = write(root, memory__limit_in_bytes="9223372036854771712")
    assert probe.memory_bytes(unlimited) == everything


A100 = Gpu(0, "GPU-aaaa-1", "NVIDIA A100", 80 << 30)
A10 = Gpu(1, "GPU-aabb-2", "NVIDIA A10", 24 << 30)
T4 = Gpu(2, "GPU-cccc-3", "Tesla T4", 16 << 30)


@pytest.mark.parametrize(
    ("setting", "shown"),
    [
        (None, [A100, A10, T4]),
        ("", []),
        ("-1", []),
        ("1", [A10]),
        ("2,0", [T4, A100]),
        ("GPU-cccc-3", [T4]),
        ("GPU-c,1", [T4, A10]),
        ("GPU-aa", []),  # names two
        ("0,7,1", [A100]),  # the first that is wrong hides the rest
        ("NoDevFiles", []),
    ],
)
def test_visible_devices_as_cuda_reads_them(setting: str | None, shown: list[Gpu]) -> None:
    assert probe.visible([A100, A10, T4], setting) == shown


TOLD = '[{"index": 0, "uuid": "GPU-dd", "name": "A100-SXM4-40GB", "memory_bytes": 1000}]'


@pytest.mark.parametrize(
    ("driven", "told", "kinds"),
    [
        ([], TOLD, ["A100-SXM4-40GB"]),
        ([], "", []),
        ([], "nonsense", []),
        ([], '[{"index": 0}]', []),
        ([T4], TOLD, ["Tesla T4"]),
        ([A10, T4], TOLD, []),  # CUDA shows none of them, whatever a batch system said.
    ],
)
def test_what_a_batch_system_said_counts_where_there_is_no_driver(
    monkeypatch: pytest.MonkeyPatch, driven: list[Gpu], told: str, kinds: list[str]
) -> None:
    monkeypatch.setattr(probe, "_driven", lambda: driven)
    monkeypatch.setenv(probe.ACCELERATORS_VARIABLE, told)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-cccc-3" if len(driven) == 1 else "GPU-dd")
    assert [gpu.name for gpu in probe.gpus()] == kinds


class Driver:
    """As much of NVML's interface as is asked of it; there is no GPU where tests run."""

    NVML_DEVICE_MIG_ENABLE = 1

    class NVMLError(Exception):
        pass

    def __init__(self, *gpus: Any) -> None:
        self._gpus = gpus

    def nvmlDeviceGetCount(self) -> int:
        return len(self._gpus)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> Any:
        if self._gpus[index] is None:
            raise self.NVMLError("GPU is lost")
        return self._gpus[index]

    def nvmlDeviceGetUUID(self, gpu: Any) -> str:
        return gpu.uuid

    def nvmlDeviceGetName(self, gpu: Any) -> bytes:
        return gpu.name.encode()

    def nvmlDeviceGetMemoryInfo(self, gpu: Any) -> Any:
        if not gpu.memory:
            raise self.NVMLError("Not Supported")
        return SimpleNamespace(total=gpu.memory)

    def nvmlDeviceGetMigMode(self, gpu: Any) -> list[int]:
        if gpu.parts is None:
            raise self.NVMLError("Not Supported")
        return [1 if gpu.parts else 0, 0]

    def nvmlDeviceGetMaxMigDeviceCount(self, gpu: Any) -> int:
        return 7

    def nvmlDeviceGetMigDeviceHandleByIndex(self, gpu: Any, index: int) -> Any:
        if index >= len(gpu.parts):
            raise self.NVMLError("Not Found")
        return gpu.parts[index]


def device(uuid: str, memory: int, parts: list[Any] | None = None) -> Any:
    return SimpleNamespace(uuid=uuid, name="NVIDIA H100", memory=memory, parts=parts)


def test_divided_and_lost_gpus() -> None:
    parts = [device(f"MIG-{n}", 10 << 30) for n in range(2)]
    driver = Driver(device("GPU-0", 80 << 30, []), None, device("GPU-2", 80 << 30, parts))
    found = list(probe.devices(driver))
    assert [(gpu.index, gpu.uuid) for gpu in found] == [(0, "GPU-0"), (2, "MIG-0"), (2, "MIG-1")]
    assert found[0].name == "NVIDIA H100"
    assert [gpu.uuid for gpu in probe.visible(found, "MIG-1")] == ["MIG-1"]


def test_a_gpu_without_memory_of_its_own() -> None:
    (gpu,) = probe.devices(Driver(device("GPU-0", 0)))
    assert gpu.memory_bytes == probe.memory_bytes()
