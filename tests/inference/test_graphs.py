"""A recorded step is used only where it is proved and pays; and then it changes no bit."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch

from tests.inference import tiny_models
from tests.inference.conftest import resident
from tests.inference.test_slots import continuations
from tests.inference.tiny_models import PREFIX, texts
from workers.inference import graphs
from workers.inference.graphs import (
    EAGER_STEPS,
    TRIAL_STEPS,
    Recorder,
    Replayed,
    Verdict,
    recorder_for,
)
from workers.inference.ladder import Ladder
from workers.inference.memory import GRAPH_WORKSPACE_BYTES, graph_bytes, pass_bytes_per_token
from workers.inference.packing import Packing
from workers.inference.prefix import compute_prefix
from workers.inference.prompts import Prompts
from workers.inference.slots import Slots

pytestmark = pytest.mark.models
BEFORE = EAGER_STEPS + TRIAL_STEPS
"""Steps after which a replay may stand alone."""


class FakeRecorder(Recorder):
    """Stands in for CUDA graphs, without a GPU: a replay does the same again, writes its result
    to the same memory each time, and takes the seconds that the test says."""

    def __init__(self, seconds: float = 0.5, error: float = 0.0, fails: bool = False) -> None:
        self.recorded = self.replayed = 0
        self._seconds, self._error, self._fails = seconds, error, fails
        self._is_replay = False

    def record(self, compute: Callable[[], torch.Tensor]) -> Callable[[], torch.Tensor]:
        if self._fails:
            raise RuntimeError("operation not permitted when stream is capturing")
        self.recorded += 1
        result = compute().clone()

        def replay() -> torch.Tensor:
            self.replayed += 1
            self._is_replay = True
            return result.copy_(compute() + self._error)

        return replay

    def timed(self, compute: Callable[[], torch.Tensor]) -> tuple[torch.Tensor, float]:
        self._is_replay = False
        result = compute()
        return result, self._seconds if self._is_replay else 1.0


class Doubling:
    """A step that notes how often it was computed."""

    def __init__(self) -> None:
        self.factor, self.calls = torch.tensor([2.0]), 0

    def __call__(self, given: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return given * self.factor


def run(step: Replayed, steps: int) -> None:
    for at in range(steps):
        assert torch.equal(step(torch.tensor([float(at)])), torch.tensor([2.0 * at]))


def test_what_is_proved_and_pays_is_replayed() -> None:
    recorder, verdict, compute = FakeRecorder(), Verdict(), Doubling()
    step = Replayed(compute, recorder, verdict)
    run(step, EAGER_STEPS)
    assert (recorder.recorded, recorder.replayed) == (0, 0)
    run(step, TRIAL_STEPS)
    assert (recorder.recorded, recorder.replayed) == (1, TRIAL_STEPS)
    computed = compute.calls
    run(step, 5)
    assert (recorder.recorded, recorder.replayed) == (1, TRIAL_STEPS + 5)
    assert compute.calls == computed + 5  # by replays alone
    assert verdict == Verdict()


@pytest.mark.parametrize(
    ("recorder", "reason"),
    [
        (FakeRecorder(fails=True), "cannot be recorded .RuntimeError: operation not permitted"),
        (FakeRecorder(error=1e-6), "other bits"),
        (FakeRecorder(error=float("nan")), "other bits"),
        (FakeRecorder(seconds=1.0), "took 1 s, the step itself 1 s"),
    ],
    ids=["not recorded", "other bits", "not a number", "not faster"],
)
def test_what_is_not_is_computed_as_before_and_said_once(
    recorder: FakeRecorder, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    verdict = Verdict()
    run(Replayed(Doubling(), recorder, verdict), BEFORE + 3)
    used = recorder.replayed
    run(Replayed(Doubling(), recorder, verdict), BEFORE + 3)
    assert recorder.replayed == used <= TRIAL_STEPS
    assert recorder.recorded <= 1
    (line,) = caplog.records
    assert line.levelno == logging.WARNING
    assert re.search(reason, line.getMessage())


def test_a_recording_is_forgotten_when_what_it_reads_has_moved() -> None:
    recorder, compute = FakeRecorder(), Doubling()
    step = Replayed(compute, recorder, Verdict(), reads=[compute.factor])
    run(step, BEFORE + 1)
    compute.factor.data = torch.tensor([2.0])
    used = recorder.replayed
    run(step, EAGER_STEPS)
    assert (recorder.recorded, recorder.replayed) == (1, used)
    run(step, TRIAL_STEPS + 1)
    assert (recorder.recorded, recorder.replayed) == (2, used + TRIAL_STEPS + 1)


@pytest.mark.parametrize("shared", [0, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_items_that_are_replayed_have_the_tokens_of_items_that_are_not(
    shared: int, dtype: torch.dtype
) -> None:
    model = tiny_models.llama(dtype=dtype)
    limits = [70, 3, 40, 20, 55, 20, 40]
    recorder = FakeRecorder()

    def answers(verdict: Verdict) -> list[list[int]]:
        items = continuations(limits, temperature=1.0)
        common = items[0].prompt[:shared]
        for item in items:
            item.prompt[:0] = common
        prefix = compute_prefix(model, common)
        slots = Slots(model, prefix, Ladder((8, 6, 4, 3, 2)), 128, recorder, verdict)
        waiting = iter(Prompts(model, items, prefix, Packing(256)))
        for _ in range(5):
            slots.admit(next(waiting))
        while slots.members:
            slots.step()
            for _ in slots.release():
                if (begun := next(waiting, None)) is not None:  # into rows that were used before
                    slots.admit(begun)
        return [item.tokens for item in items]

    expected = answers(Verdict(refused="not now"))
    assert recorder.recorded == 0
    verdict = Verdict()
    assert answers(verdict) == expected
    assert not verdict.refused
    assert recorder.recorded == 3  # of 8 rows, of 4 and of 2
    assert recorder.replayed > 3 * TRIAL_STEPS
    assert [len(tokens) for tokens in expected] == limits


def test_generation_asks_for_a_recorder_and_keeps_the_verdict(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    llm = resident()
    prompts = texts(9, longest_words=8)
    expected = list(llm.generate(prompts, 30, prefix=PREFIX))
    recorder = FakeRecorder()
    monkeypatch.setattr("workers.inference.generate.recorder_for", lambda _: recorder)
    assert list(llm.generate(prompts, 30, prefix=PREFIX)) == expected
    assert recorder.recorded > 0
    monkeypatch.setattr(
        "workers.inference.generate.recorder_for", lambda _: FakeRecorder(fails=True)
    )
    assert list(llm.generate(prompts, 30, prefix=PREFIX)) == expected
    assert llm.sizes.graphs.refused


def test_what_recorded_steps_hold_is_counted_where_there_are_any() -> None:
    model = tiny_models.llama()
    assert graph_bytes(model, 32) == 0
    there = SimpleNamespace(device=torch.device("cuda"), dtype=torch.float32, config=model.config)
    all_rows = 32 * pass_bytes_per_token(there)
    assert graph_bytes(there, 32) == GRAPH_WORKSPACE_BYTES + 2 * all_rows


def test_nothing_is_recorded_on_a_cpu_or_where_it_is_switched_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert recorder_for(torch.device("cpu")) is None
    assert recorder_for(torch.device("cuda")) is not None
    monkeypatch.setenv(graphs.SWITCH, "0")
    assert recorder_for(torch.device("cuda")) is None
