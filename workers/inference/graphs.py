"""Steps of fixed shapes, recorded once and replayed: where that gives the same bits and is faster.

Decoding with a small model, a GPU waits for the CPU to launch each of a thousand kernels. A CUDA
graph launches them all at once. Whether a model's step can be recorded, whether its replay gives
the bits of the step itself, and whether it is faster, is found out by trying, on steps that are due
anyhow; where it is not so, steps go on as they are, and one line in the log says why. With
``PCM_CUDA_GRAPHS=0`` nothing is recorded.

Written for CUDA, not yet run there. What is recorded and when it is used is tested without a GPU
(`tests/inference/test_graphs.py`).
"""

from __future__ import annotations

import logging
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

EAGER_STEPS = 8
"""Before a recording is made. Who took so many steps is likely to take as many again, which a
recording and its trial cost."""
TRIAL_STEPS = 3
"""Are computed in both ways, and compared."""
SWITCH = "PCM_CUDA_GRAPHS"

log = logging.getLogger(__name__)


class Recorder(ABC):
    """Records computations on a device."""

    @abstractmethod
    def record(self, compute: Callable[[], torch.Tensor]) -> Callable[[], torch.Tensor]:
        """What does the same again, with what the same memory holds then; its result is good until
        it is called again. Raises what the device raises where it cannot be recorded."""

    @abstractmethod
    def timed(self, compute: Callable[[], torch.Tensor]) -> tuple[torch.Tensor, float]:
        """What it gives, and the seconds until that is there."""


class CudaRecorder(Recorder):
    """CUDA graphs, each with memory of its own, which is free when the replay is forgotten."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def record(self, compute: Callable[[], torch.Tensor]) -> Callable[[], torch.Tensor]:
        graph = torch.cuda.CUDAGraph()
        with (
            torch.cuda.device(self._device),
            # A recording that fails leaves its own stream current.
            torch.cuda.stream(torch.cuda.current_stream(self._device)),
            torch.cuda.graph(graph, capture_error_mode="thread_local"),
        ):
            result = compute()

        def replay() -> torch.Tensor:
            graph.replay()
            return result

        return replay

    def timed(self, compute: Callable[[], torch.Tensor]) -> tuple[torch.Tensor, float]:
        torch.cuda.synchronize(self._device)
        start = time.perf_counter()
        result = compute()
        torch.cuda.synchronize(self._device)
        return result, time.perf_counter() - start


def recorder_for(device: torch.device) -> Recorder | None:
    """None where nothing is to be recorded."""
    if device.type != "cuda" or os.environ.get(SWITCH) == "0":
        return None
    return CudaRecorder(device)


@dataclass
class Verdict:
    """Why replays are of no use to a model in this process; empty as long as they may be."""

    refused: str = ""

    def refuse(self, reason: str) -> None:
        self.refused = reason
        log.warning("decoding goes on without CUDA graphs: %s", reason)


class Replayed:
    """A step of fixed shapes: as it is at first, then by its replay, once that is proved.

    ``compute`` maps one tensor to another, does twice what it does once, and ``reads`` memory that
    may move: what was recorded before is then forgotten.
    """

    def __init__(
        self,
        compute: Callable[[torch.Tensor], torch.Tensor],
        recorder: Recorder,
        verdict: Verdict,
        reads: Sequence[torch.Tensor] = (),
    ) -> None:
        self._compute, self._recorder, self._verdict = compute, recorder, verdict
        self._reads = reads
        self._addresses: list[int] = []
        self._given = torch.empty(0)
        self._replay: Callable[[], torch.Tensor] | None = None
        self._seconds: list[tuple[float, float]] = []
        self._steps = 0

    def __call__(self, given: torch.Tensor) -> torch.Tensor:
        """The result is good until the next call."""
        replay = self._replay_for(given)
        if replay is None:
            return self._compute(given)
        self._given.copy_(given)
        if len(self._seconds) < TRIAL_STEPS:
            return self._try(given, replay)
        return replay()

    def _replay_for(self, given: torch.Tensor) -> Callable[[], torch.Tensor] | None:
        """That of what is read now, if there is one or it is time to have one."""
        if self._replay is not None and self._moved():
            self._forget()
        if self._replay is None and not self._verdict.refused:
            self._steps += 1
            if self._steps > EAGER_STEPS:
                self._record(given)
        return self._replay

    def _record(self, given: torch.Tensor) -> None:
        self._addresses = [tensor.data_ptr() for tensor in self._reads]
        self._given = given.clone()
        try:
            self._replay = self._recorder.record(lambda: self._compute(self._given))
        except Exception as error:  # Whatever it is, the step itself goes on without.
            self._refuse(f"this step cannot be recorded ({type(error).__name__}: {error})")

    def _try(self, given: torch.Tensor, replay: Callable[[], torch.Tensor]) -> torch.Tensor:
        """The step itself comes last: what it writes stands, whatever the replay wrote."""
        replayed, replay_seconds = self._recorder.timed(replay)
        wanted, seconds = self._recorder.timed(lambda: self._compute(given))
        self._seconds.append((replay_seconds, seconds))
        if not torch.equal(replayed, wanted):
            self._refuse("a replay gave other bits than the step itself")
        elif len(self._seconds) == TRIAL_STEPS:
            best, best_itself = map(min, zip(*self._seconds, strict=True))
            if best >= best_itself:
                self._refuse(f"replays took {best:.2g} s, the step itself {best_itself:.2g} s")
        return wanted

    def _moved(self) -> bool:
        return self._addresses != [tensor.data_ptr() for tensor in self._reads]

    def _refuse(self, reason: str) -> None:
        self._verdict.refuse(reason)
        self._forget()

    def _forget(self) -> None:
        self._replay, self._seconds, self._steps = None, [], 0
