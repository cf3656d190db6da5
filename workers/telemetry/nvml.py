"""What the driver tells of NVIDIA's GPUs (NVML, by the package nvidia-ml-py).

To be read in a thread of its own: a reading of PCIe traffic takes the driver 20 ms, and a GPU that
is ill may hang. An idle GPU lowers its clocks and its link to save power, so these are told only
while it works.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, ClassVar, Self

from workers.telemetry.base import Reading, Sampler
from workers.telemetry.tally import Tally
from workers.telemetry.throttling import APPLICATION_XIDS, throttled

AT_WORK = 0.2
"""Busy share from which on clocks and link are as high as they get."""
LANE_BYTES_PER_SECOND = {1: 0.25e9, 2: 0.5e9, 3: 0.985e9, 4: 1.969e9, 5: 3.938e9, 6: 7.563e9}
"""What a lane carries in one direction, by generation of PCIe, after its encoding."""
MAX_EVENTS = 100


class Nvml(Sampler):
    signals: ClassVar[frozenset[str]] = frozenset(
        {
            "gpu.busy_share",
            "gpu.clock_share",
            "gpu.throttled_share",
            "gpu.errors_per_second",
            "pcie.h2d_bytes_per_second",
            "pcie.d2h_bytes_per_second",
            "pcie.utilisation",
            "pcie.width_share",
            "pcie.replays_per_second",
        }
    )

    def __init__(self, nvml: Any, indices: Iterable[int]) -> None:
        """``nvml``: the module pynvml, initialised; it is shut down by ``close``."""
        self._nvml = nvml
        self._tally = Tally()
        self._gpus = []
        for index in indices:
            try:
                self._gpus.append(_Gpu(nvml, index, self._tally))
            except nvml.NVMLError:
                continue  # Lost, or not for us; the others may be well.
        self._open = True

    @classmethod
    def find(cls, indices: Iterable[int], nvml: Any = None) -> Self | None:
        """The GPUs of these indices; None without NVML, or if it knows none of them."""
        try:
            if nvml is None:
                import pynvml

                nvml = pynvml
            nvml.nvmlInit()
        except Exception:
            return None
        found = cls(nvml, indices)
        if not found._gpus:
            found.close()
            return None
        return found

    def read(self, now_seconds: float) -> list[Reading]:
        for gpu in list(self._gpus):
            try:
                gpu.read(now_seconds)
            except self._nvml.NVMLError as failure:
                self._gpus.remove(gpu)
                gpu.close()
                print(f"no more telemetry of {gpu.place}: {failure}", file=sys.stderr)
        return self._tally.take()

    def close(self) -> None:
        if self._open:
            self._open = False
            for gpu in self._gpus:
                gpu.close()
            self._nvml.nvmlShutdown()


class _Gpu:
    """One whole GPU: its parts (MIG) share clocks and link."""

    def __init__(self, nvml: Any, index: int, tally: Tally) -> None:
        self.place = f"gpu{index}"
        self._nvml = nvml
        self._handle = nvml.nvmlDeviceGetHandleByIndex(index)
        self._tally = tally
        self._refused: set[tuple[Any, ...]] = set()
        self._errors = 0
        self._events = self._watched()

    def read(self, now_seconds: float) -> None:
        """Raises NVMLError when the GPU is lost."""
        nvml = self._nvml
        usage = self._ask("nvmlDeviceGetUtilizationRates")
        busy = None if usage is None else usage.gpu / 100
        self._add("gpu.busy_share", busy)
        reasons = self._ask("nvmlDeviceGetCurrentClocksEventReasons")
        self._add("gpu.throttled_share", None if reasons is None else float(throttled(reasons)))
        link = self._link()
        if busy is not None and busy >= AT_WORK:
            clock = self._ask("nvmlDeviceGetClockInfo", nvml.NVML_CLOCK_SM)
            greatest = self._ask("nvmlDeviceGetMaxClockInfo", nvml.NVML_CLOCK_SM)
            if clock is not None and greatest:
                self._add("gpu.clock_share", min(1.0, clock / greatest))
            best = self._best_link()
            if link and best:
                self._add("pcie.width_share", min(1.0, link / best))
        self._traffic(link)
        self._count(
            "pcie.replays_per_second", self._ask("nvmlDeviceGetPcieReplayCounter"), now_seconds
        )
        self._count("gpu.errors_per_second", self._error_count(), now_seconds)

    def close(self) -> None:
        if self._events is not None:
            events, self._events = self._events, None
            self._nvml.nvmlEventSetFree(events)

    def _traffic(self, link: float) -> None:
        nvml = self._nvml
        # Seen from the GPU: it receives what the host sends. KB/s over the last 20 ms.
        rates = []
        for direction, signal in (
            (nvml.NVML_PCIE_UTIL_RX_BYTES, "pcie.h2d_bytes_per_second"),
            (nvml.NVML_PCIE_UTIL_TX_BYTES, "pcie.d2h_bytes_per_second"),
        ):
            kilobytes = self._ask("nvmlDeviceGetPcieThroughput", direction)
            if kilobytes is not None:
                rates.append(kilobytes * 1e3)
                self._add(signal, rates[-1])
        if rates and link:
            self._add("pcie.utilisation", max(rates) / link)

    def _link(self) -> float:
        """Bytes per second that it carries in one direction as it is now; 0 if not told."""
        return self._carries(
            self._ask("nvmlDeviceGetCurrPcieLinkGeneration"),
            self._ask("nvmlDeviceGetCurrPcieLinkWidth"),
        )

    def _best_link(self) -> float:
        return self._carries(
            self._ask("nvmlDeviceGetMaxPcieLinkGeneration"),
            self._ask("nvmlDeviceGetMaxPcieLinkWidth"),
        )

    @staticmethod
    def _carries(generation: int | None, lanes: int | None) -> float:
        return LANE_BYTES_PER_SECOND.get(generation or 0, 0.0) * (lanes or 0)

    def _watched(self) -> Any:
        """A set of events, if the driver tells us of errors as they come."""
        nvml, events = self._nvml, None
        try:
            events = nvml.nvmlEventSetCreate()
            nvml.nvmlDeviceRegisterEvents(self._handle, nvml.nvmlEventTypeXidCriticalError, events)
        except nvml.NVMLError:
            if events is not None:
                nvml.nvmlEventSetFree(events)
            return None
        return events

    def _error_count(self) -> int | None:
        """Errors so far: those that were told, and what memory could not correct."""
        nvml = self._nvml
        if self._events is not None:
            for _ in range(MAX_EVENTS):
                try:
                    event = nvml.nvmlEventSetWait_v2(self._events, 0)
                except nvml.NVMLError:
                    break  # No (more) of them: it says so by an error (timeout).
                self._errors += event.eventData not in APPLICATION_XIDS
        uncorrected = self._ask(
            "nvmlDeviceGetTotalEccErrors",
            nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
            nvml.NVML_VOLATILE_ECC,
        )
        if self._events is None and uncorrected is None:
            return None
        return self._errors + (uncorrected or 0)

    def _ask(self, function: str, *arguments: int) -> Any:
        """None for what this GPU or its driver does not tell; it is not asked again."""
        if (function, *arguments) in self._refused:
            return None
        try:
            return getattr(self._nvml, function)(self._handle, *arguments)
        except (AttributeError, self._nvml.NVMLError) as failure:
            if getattr(failure, "value", None) == self._nvml.NVML_ERROR_GPU_IS_LOST:
                raise
            self._refused.add((function, *arguments))
            return None

    def _add(self, signal: str, value: float | None) -> None:
        if value is not None:
            self._tally.add(signal, self.place, value)

    def _count(self, signal: str, value: int | None, now_seconds: float) -> None:
        if value is not None:
            self._tally.count((self.place, signal), value, now_seconds, signal, self.place)
