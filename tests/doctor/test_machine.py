from __future__ import annotations

import msgspec

from pcm.doctor.machine import machine
from workers.protocol import Gpu, Machine


def printing(found: Machine) -> str:
    return f"print({msgspec.json.encode(found).decode()!r})"


def test_a_machine_with_gpus() -> None:
    gpu = Gpu(0, "GPU-1", "NVIDIA A10", 24 * 10**9)
    section = machine(printing(Machine("h", 8, 64 * 10**9, 10**12, "3.11", gpus=(gpu,))))
    found = {check.name: check.detail for check in section.checks}
    assert found["GPU 0"] == "NVIDIA A10, 24.0 GB"
    assert found["cores"] == "8"
    assert found["memory"] == "64.0 GB"
    assert " free in " in found["disk here"]


def test_a_machine_without_gpus_is_no_fault() -> None:
    section = machine(printing(Machine("h", 2, 10**9, 10**9, "3.11")))
    assert section.checks[0].state == "note"


def test_a_probe_that_hangs_or_crashes_is_a_finding() -> None:
    hanging = machine("import time; time.sleep(600)", limit_seconds=1.0)
    assert not hanging.works
    assert "no answer after 1 s" in hanging.checks[0].detail
    crashing = machine("raise OSError('the driver is broken')")
    assert crashing.checks[0].detail == "OSError: the driver is broken"
