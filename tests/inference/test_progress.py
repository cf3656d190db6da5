"""A model counts what it does, and its worker tells it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.inference import tiny_models
from tests.inference.conftest import resident
from tests.inference.tiny_models import LABELS, texts
from tests.workers.host.driver import Worker, define, load, run
from workers.inference import Generation
from workers.inference.resident import ResidentModel
from workers.protocol import BatchEnd, Decoded, Telemetry
from workers.telemetry import progress

pytestmark = pytest.mark.models
LIMITS = [60, 2, 3, 2]


def counted() -> Decoded:
    told = progress.HERE.take()
    assert told is not None
    return told


@pytest.fixture(autouse=True)
def nothing_counted() -> Iterator[None]:
    progress.HERE.take()
    yield
    progress.HERE.take()


@pytest.mark.parametrize("slots", [1, 2, 4, 8])
def test_tokens_are_those_of_the_answers(slots: int) -> None:
    llm = resident(slots=slots)
    limits = [9, 1, 30, 2, 40, 3, 5, 1, 12]
    given = llm.generate(texts(9, longest_words=10), limits)
    answers = [answer for answer in given if isinstance(answer, Generation)]
    told = counted()
    assert len(answers) == 9
    assert told.tokens == sum(answer.completion_tokens for answer in answers)
    assert told.prompt_tokens == sum(answer.prompt_tokens for answer in answers)
    assert told.seconds > 0
    assert told.seconds <= told.active_seconds <= told.slot_seconds <= slots * told.seconds * 1.001


def test_slots_are_empty_when_their_items_end_before_the_longest(llm: ResidentModel) -> None:
    prompts = texts(4, longest_words=6)
    list(llm.generate(prompts, LIMITS))
    unequal = counted()
    list(llm.generate(prompts[:1], LIMITS[:1]))
    alone = counted()
    assert unequal.active_seconds < 0.7 * unequal.slot_seconds
    # There were no items for the other slots.
    assert alone.active_seconds == pytest.approx(alone.slot_seconds)


def test_models_that_take_no_slots_count_too() -> None:
    llm = resident(tiny_models.bloom())
    (answer,) = llm.generate(["the river flows"], 5)
    assert isinstance(answer, Generation)
    assert counted().tokens == answer.completion_tokens


def test_a_choice_gives_prompt_tokens_alone(llm: ResidentModel) -> None:
    prompts = texts(5)
    list(llm.choose(prompts, LABELS))
    told = counted()
    assert told.prompt_tokens == sum(len(llm.tokenizer(text)["input_ids"]) for text in prompts)
    assert (told.tokens, told.seconds) == (0, 0.0)


def tiny() -> Any:
    from tests.inference.conftest import resident

    return resident()


def answers(llm: Any, prompts: Sequence[str]) -> Iterator[list[int]]:
    for answer in llm.generate(prompts, [60, 2, 3, 2]):
        yield [answer.prompt_tokens, answer.completion_tokens]


def test_a_worker_tells_how_its_model_decodes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PCM_TELEMETRY_SECONDS", "0.2")
    with Worker(tmp_path) as worker:
        worker.send(load(tiny, imports=["torch", "transformers"]), define(answers))
        worker.wait(Telemetry)  # The first has no time before it.
        worker.send(run(1, texts(4, longest_words=6)))
        worker.wait(BatchEnd, batch=1)
        worker.wait(Telemetry)
        worker.wait(Telemetry)
        windows = [report for report in worker.reports if isinstance(report, Telemetry)]
        results = worker.results(1).values()
        assert not any(isinstance(report, Decoded) for report in worker.reports)
    found = [(name, value, window) for window in windows for name, _, value in window.readings]
    prompt_tokens = sum(
        value * window.seconds
        for name, value, window in found
        if name == "requests.prompt_tokens_per_second"
    )
    assert prompt_tokens == pytest.approx(sum(prompt for prompt, _ in results), rel=0.1)
    by_name = {name: value for name, value, _ in found}
    assert by_name["decode.tokens_per_second"] > 0
    assert 1.0 <= by_name["decode.active"] <= 4.0
    assert 0.0 < by_name["decode.empty_share"] < 1.0
