"""What only a GPU can show. `pytest -m models tests/inference` on a machine with one runs it."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.inference import tiny_models
from tests.inference.conftest import resident
from tests.inference.late_copies import same_bits
from tests.inference.test_neighbours import compositions
from tests.inference.test_slots import continuations
from tests.inference.tiny_models import LABELS, PREFIX, texts
from workers.inference import Choice, graphs
from workers.inference.device_copy import Conveyor, CudaCopier
from workers.inference.generate import generate
from workers.inference.graphs import Verdict
from workers.inference.loading import load
from workers.inference.prefix import NOTHING

pytestmark = [
    pytest.mark.models,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"),
]
HALVES = [torch.bfloat16, torch.float16]


@pytest.mark.parametrize("dtype", HALVES, ids=str)
@pytest.mark.parametrize("prefix", ["", PREFIX])
def test_scores_do_not_depend_on_neighbours(dtype: torch.dtype, prefix: str) -> None:
    llm = resident(tiny_models.llama(dtype=dtype).cuda(), pass_tokens=256)
    prompts = texts(25, seed=7)
    alone: dict[int, Any] = {}
    for chosen in compositions(len(prompts), seed=7):
        choices = llm.choose([prompts[i] for i in chosen], LABELS, prefix)
        for index, choice in zip(chosen, choices, strict=True):
            assert isinstance(choice, Choice)
            assert alone.setdefault(index, choice) == choice


@pytest.mark.parametrize("dtype", HALVES, ids=str)
@pytest.mark.parametrize("prefix", ["", PREFIX])
def test_generations_do_not_depend_on_neighbours(dtype: torch.dtype, prefix: str) -> None:
    llm = resident(tiny_models.llama(dtype=dtype).cuda(), slots=32)
    prompts = texts(12, seed=1, longest_words=12)
    limits = [random.Random(i).randint(1, 90) for i in range(len(prompts))]
    alone: dict[int, Any] = {}
    for chosen in compositions(len(prompts), seed=2)[:9]:
        answers = llm.generate(
            [prompts[i] for i in chosen],
            [limits[i] for i in chosen],
            1.0,
            seed=[100 + i for i in chosen],
            prefix=prefix,
        )
        for index, answer in zip(chosen, answers, strict=True):
            assert alone.setdefault(index, answer) == answer


def test_labels_and_tokens_are_those_of_a_cpu() -> None:
    here, there = resident(tiny_models.llama()), resident(tiny_models.llama().cuda())
    prompts = texts(12, seed=3, longest_words=12)
    labels = [
        [
            choice.label
            for choice in llm.choose(prompts, LABELS, PREFIX)
            if isinstance(choice, Choice)
        ]
        for llm in (here, there)
    ]
    assert labels[0] == labels[1]
    assert len(labels[0]) == len(prompts)
    assert list(here.generate(prompts, 20)) == list(there.generate(prompts, 20))


@pytest.mark.parametrize("dtype", [torch.float32, *HALVES], ids=str)
@pytest.mark.parametrize("prefix", ["", PREFIX])
def test_graphs_are_recorded_and_give_the_bits_of_the_steps(
    dtype: torch.dtype, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trial compares all logits bit by bit: that the verdict is for graphs says it."""
    llm = resident(tiny_models.llama(dtype=dtype).cuda(), slots=8)
    prompts = texts(16, longest_words=8)
    limits = [random.Random(i).randint(40, 90) for i in range(len(prompts))]
    replayed = list(llm.generate(prompts, limits, 1.0, prefix=prefix))
    assert llm.sizes.graphs == Verdict()
    monkeypatch.setenv(graphs.SWITCH, "0")
    assert list(llm.generate(prompts, limits, 1.0, prefix=prefix)) == replayed


def test_what_was_recorded_is_not_replayed_when_the_weights_have_moved() -> None:
    llm = resident(tiny_models.llama().cuda(), slots=4)

    def answers(between: Callable[[], None]) -> list[list[int]]:
        items = continuations([20, 70, 70, 70])
        under_way = generate(llm.model, items, NOTHING, llm.sizes)
        next(under_way)  # after so many steps the rest is replayed
        between()
        list(under_way)
        return [item.tokens for item in items]

    def away_and_back() -> None:
        llm.offload_to_host()
        llm.return_to_device()

    assert answers(away_and_back) == answers(lambda: None)
    assert llm.sizes.graphs == Verdict()


def test_memory_is_free_when_a_generation_with_graphs_is_over() -> None:
    llm = resident(tiny_models.llama().cuda(), slots=8)
    held = []
    for _ in range(4):
        list(llm.generate(texts(8, longest_words=8), 60))
        torch.cuda.empty_cache()
        held.append(torch.cuda.memory_reserved())
    assert held[-1] <= held[1]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_loaded_weights_are_those_of_the_file(model_directory: Path, dtype: str) -> None:
    here = load(str(model_directory), dtype=dtype, device="cpu").model
    there = load(str(model_directory), dtype=dtype, device="cuda").model
    assert {part.device.type for part in (*there.parameters(), *there.buffers())} == {"cuda"}
    assert all(map(same_bits, here.parameters(), there.parameters()))
    assert all(map(same_bits, here.buffers(), there.buffers()))


def test_many_buffers_full_arrive() -> None:
    sent = torch.randint(0, 255, (40 << 20,), dtype=torch.uint8)
    conveyor = Conveyor(CudaCopier(torch.device("cuda")), 2 << 20)
    arrived = conveyor.send(sent, sent.dtype)
    conveyor.finish()
    assert same_bits(arrived, sent)
