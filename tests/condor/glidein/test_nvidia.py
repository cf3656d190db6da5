"""What nvidia-smi prints, read."""

from __future__ import annotations

import pytest

from condor.glidein import nvidia
from condor.glidein.nvidia import Device
from condor.glidein.trouble import MACHINE_UNFIT, Trouble
from tests.condor.glidein.listings import (
    DIVIDED,
    LARGE,
    LISTING,
    LOG,
    OLD_LISTING,
    SMALL,
    WHOLE,
)

A100 = "NVIDIA A100-SXM4-40GB"


def driver(monkeypatch: pytest.MonkeyPatch, listing: str, log: str) -> list[Device]:
    def answer(command: list[str], _: int) -> str:
        return listing if command[1] == "-L" else log

    monkeypatch.setattr(nvidia, "output_of", answer)
    return nvidia.devices("nvidia-smi")


def test_instances_are_listed_below_their_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    assert driver(monkeypatch, LISTING, LOG) == [
        Device(DIVIDED, A100, 0, 40960, divided=True),
        Device(SMALL, f"{A100} MIG 1g.5gb", 0, 4864),
        Device(LARGE, f"{A100} MIG 3g.20gb", 0, 19968),
        Device(WHOLE, A100, 1, 40960),
    ]


def test_names_of_instances_before_driver_470(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, part = driver(monkeypatch, OLD_LISTING, "")
    assert (whole.divided, whole.memory_mebibytes) == (True, 0)
    assert part == Device(f"MIG-{DIVIDED}/3/0", "A100-SXM4-40GB MIG 1c.2g.10gb", 0, 0)


@pytest.mark.parametrize(
    "log",
    ["", "not XML", LOG.replace("40960 MiB", "[Insufficient Permissions]"), "<nvidia_smi_log/>"],
)
def test_memory_that_the_driver_does_not_tell(monkeypatch: pytest.MonkeyPatch, log: str) -> None:
    found = driver(monkeypatch, LISTING, log)
    assert [device.uuid for device in found] == [DIVIDED, SMALL, LARGE, WHOLE]
    assert found[-1].memory_mebibytes == 0


def test_no_gpus_and_a_driver_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    assert driver(monkeypatch, "", LOG) == []
    monkeypatch.undo()
    with pytest.raises(Trouble) as raised:
        nvidia.devices("/bin/false")
    assert raised.value.status == MACHINE_UNFIT
