"""What stands in for the module pynvml: functions and answers as its own, of two recorded GPUs."""

from __future__ import annotations

from typing import Any, NamedTuple


class NVMLError(Exception):
    def __init__(self, value: int) -> None:
        super().__init__(f"error {value}")
        self.value = value


class Utilization(NamedTuple):
    gpu: int
    memory: int


class Event(NamedTuple):
    eventData: int


class RecordedNvml:
    """Answers by function: a value, or one for each argument. An NVMLError is raised."""

    NVMLError = NVMLError
    NVML_ERROR_NOT_SUPPORTED = 3
    NVML_ERROR_TIMEOUT = 10
    NVML_ERROR_GPU_IS_LOST = 15
    NVML_CLOCK_SM = 1
    NVML_PCIE_UTIL_TX_BYTES = 0
    NVML_PCIE_UTIL_RX_BYTES = 1
    NVML_MEMORY_ERROR_TYPE_UNCORRECTED = 1
    NVML_VOLATILE_ECC = 0
    nvmlEventTypeXidCriticalError = 8

    def __init__(self, gpus: int = 1) -> None:
        self.answers: list[dict[str, Any]] = [
            {
                "nvmlDeviceGetUtilizationRates": Utilization(90, 40),
                "nvmlDeviceGetCurrentClocksEventReasons": 0x4,  # At its power limit.
                "nvmlDeviceGetClockInfo": 1500,
                "nvmlDeviceGetMaxClockInfo": 2000,
                "nvmlDeviceGetPcieThroughput": {0: 2_000_000, 1: 8_000_000},
                "nvmlDeviceGetPcieReplayCounter": 100,
                "nvmlDeviceGetCurrPcieLinkGeneration": 4,
                "nvmlDeviceGetCurrPcieLinkWidth": 16,
                "nvmlDeviceGetMaxPcieLinkGeneration": 4,
                "nvmlDeviceGetMaxPcieLinkWidth": 16,
                "nvmlDeviceGetTotalEccErrors": 0,
            }
            for _ in range(gpus)
        ]
        self.xids: list[list[int]] = [[] for _ in range(gpus)]
        self.event_sets: set[int] = set()
        self.watches = True
        self.initialised = 0
        self.asked: list[str] = []

    def nvmlInit(self) -> None:
        self.initialised += 1

    def nvmlShutdown(self) -> None:
        self.initialised -= 1

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        if index >= len(self.answers):
            raise NVMLError(2)
        return index

    def nvmlEventSetCreate(self) -> list[int]:
        events = [len(self.event_sets)]
        self.event_sets.add(events[0])
        return events

    def nvmlDeviceRegisterEvents(self, handle: int, kinds: int, events: list[int]) -> None:
        if not self.watches:
            raise NVMLError(self.NVML_ERROR_NOT_SUPPORTED)
        events.append(handle)

    def nvmlEventSetWait_v2(self, events: list[int], milliseconds: int) -> Event:
        assert milliseconds == 0
        waiting = self.xids[events[1]]
        if not waiting:
            raise NVMLError(self.NVML_ERROR_TIMEOUT)
        return Event(waiting.pop(0))

    def nvmlEventSetFree(self, events: list[int]) -> None:
        self.event_sets.remove(events[0])

    def __getattr__(self, function: str) -> Any:
        if not function.startswith("nvmlDeviceGet"):
            raise AttributeError(function)

        def ask(handle: int, *arguments: int) -> Any:
            self.asked.append(function)
            answer = self.answers[handle][function]
            if isinstance(answer, dict):
                answer = answer[arguments[0]]
            if isinstance(answer, NVMLError):
                raise answer
            return answer

        return ask
