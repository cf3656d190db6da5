from __future__ import annotations

import pytest

from tests.workers.telemetry.catalogue import checked
from tests.workers.telemetry.recorded_nvml import NVMLError, RecordedNvml, Utilization
from workers.telemetry.nvml import Nvml

LOST = NVMLError(RecordedNvml.NVML_ERROR_GPU_IS_LOST)
UNSUPPORTED = NVMLError(RecordedNvml.NVML_ERROR_NOT_SUPPORTED)


def found(nvml: RecordedNvml, *indices: int) -> Nvml:
    sampler = Nvml.find(indices or (0,), nvml)
    assert sampler is not None
    return sampler


def test_a_gpu_at_work() -> None:
    nvml = RecordedNvml()
    sampler = found(nvml)
    sampler.read(0.0)
    nvml.answers[0]["nvmlDeviceGetPcieReplayCounter"] = 106
    assert checked(sampler, sampler.read(2.0)) == {
        ("gpu.busy_share", "gpu0"): pytest.approx(0.9),
        ("gpu.throttled_share", "gpu0"): 0.0,
        ("gpu.clock_share", "gpu0"): 0.75,
        ("pcie.width_share", "gpu0"): 1.0,
        ("pcie.h2d_bytes_per_second", "gpu0"): 8e9,
        ("pcie.d2h_bytes_per_second", "gpu0"): 2e9,
        ("pcie.utilisation", "gpu0"): pytest.approx(8e9 / (16 * 1.969e9)),
        ("pcie.replays_per_second", "gpu0"): 3.0,
        ("gpu.errors_per_second", "gpu0"): 0.0,
    }
    sampler.close()
    sampler.close()
    assert nvml.initialised == 0
    assert nvml.event_sets == set()


def test_a_link_with_half_its_lanes_and_a_gpu_too_hot() -> None:
    nvml = RecordedNvml()
    nvml.answers[0] |= {
        "nvmlDeviceGetCurrPcieLinkGeneration": 3,
        "nvmlDeviceGetCurrPcieLinkWidth": 8,
        "nvmlDeviceGetCurrentClocksEventReasons": 0x40,
    }
    sampler = found(nvml)
    readings = checked(sampler, sampler.read(0.0))
    assert readings["pcie.width_share", "gpu0"] == pytest.approx(0.25, rel=0.01)
    assert readings["gpu.throttled_share", "gpu0"] == 1.0
    sampler.close()


def test_an_idle_gpu_saves_power_and_is_not_blamed_for_it() -> None:
    nvml = RecordedNvml()
    nvml.answers[0] |= {
        "nvmlDeviceGetUtilizationRates": Utilization(3, 0),
        "nvmlDeviceGetClockInfo": 210,
        "nvmlDeviceGetCurrPcieLinkGeneration": 1,
    }
    sampler = found(nvml)
    readings = checked(sampler, sampler.read(0.0))
    assert ("gpu.clock_share", "gpu0") not in readings
    assert ("pcie.width_share", "gpu0") not in readings
    assert readings["gpu.busy_share", "gpu0"] == pytest.approx(0.03)
    sampler.close()


def test_errors_are_counted_but_not_those_of_programs() -> None:
    nvml = RecordedNvml()
    sampler = found(nvml)
    sampler.read(0.0)
    nvml.xids[0] += [79, 31, 48]
    nvml.answers[0]["nvmlDeviceGetTotalEccErrors"] = 1
    readings = checked(sampler, sampler.read(1.0))
    assert readings["gpu.errors_per_second", "gpu0"] == 3.0
    sampler.close()


def test_what_is_not_supported_is_left_out_and_asked_once() -> None:
    nvml = RecordedNvml()
    nvml.watches = False
    for function in nvml.answers[0]:
        nvml.answers[0][function] = UNSUPPORTED
    sampler = found(nvml)
    assert sampler.read(0.0) == []
    asked = len(nvml.asked)
    assert sampler.read(1.0) == []
    assert len(nvml.asked) == asked
    assert nvml.event_sets == set()
    sampler.close()


def test_a_gpu_that_is_lost_goes_silent_and_the_others_go_on(
    capfd: pytest.CaptureFixture[str],
) -> None:
    nvml = RecordedNvml(2)
    sampler = found(nvml, 0, 1, 7)
    nvml.answers[1]["nvmlDeviceGetUtilizationRates"] = LOST
    for now in (0.0, 1.0):
        places = {place for _, place, _ in sampler.read(now)}
        assert places == {"gpu0"}
    assert capfd.readouterr().err.count("gpu1") == 1
    sampler.close()
    assert nvml.event_sets == set()


def test_none_here() -> None:
    nvml = RecordedNvml(0)
    assert Nvml.find((0, 1), nvml) is None
    assert nvml.initialised == 0
    assert Nvml.find((), RecordedNvml()) is None


def test_the_names_are_those_of_the_package() -> None:
    """What the stand-in answers is there in the real one (which needs no driver to be imported)."""
    pynvml = pytest.importorskip("pynvml")
    stand_in = RecordedNvml()
    names = [name for name in dir(RecordedNvml) if name.lower().startswith("nvml")]
    for name in (*names, *stand_in.answers[0]):
        assert hasattr(pynvml, name), name
        if isinstance(getattr(stand_in, name), int):
            assert getattr(pynvml, name) == getattr(stand_in, name), name
