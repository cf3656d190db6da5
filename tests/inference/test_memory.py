"""Sizes follow from free memory, and are halved when it runs out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import pytest
import torch

from tests.inference import tiny_models
from tests.inference.conftest import resident
from tests.inference.tiny_models import LABELS, PREFIX, texts
from workers.inference import Choice, Generation, memory
from workers.inference.memo import Memo
from workers.inference.resident import ResidentModel

pytestmark = pytest.mark.models
Answer = TypeVar("Answer")


def answers(kind: type[Answer], given: Iterable[object]) -> list[Answer]:
    """All of them, of which none may be an error."""
    found = []
    for one in given:
        assert isinstance(one, kind), one
        found.append(one)
    return found


def failing(monkeypatch: pytest.MonkeyPatch, llm: ResidentModel, fails: Callable[..., bool]) -> Any:
    """Let passes fail as if memory had run out; gives the sizes (rows, tokens) of all passes."""
    sizes: list[tuple[int, ...]] = []
    forward = llm.model.forward

    def limited(ids: torch.Tensor, **given: Any) -> Any:
        sizes.append(tuple(ids.shape))
        if fails(*ids.shape):
            raise torch.OutOfMemoryError("out of memory")
        return forward(ids, **given)

    assert llm.takes_cascades
    monkeypatch.setattr(llm.model, "forward", limited)
    return sizes


def test_memory_that_runs_out_halves_the_passes_and_no_item_is_lost(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    prompts = texts(40, longest_words=12)
    plain = answers(Choice, resident().choose(prompts, LABELS, PREFIX))
    llm = resident(pass_tokens=256, memo=Memo(tmp_path / "models" / "model.json"))
    list(llm.choose(prompts[:1], LABELS, PREFIX))  # the prefix is there
    passes = failing(monkeypatch, llm, lambda _, tokens: len(passes) > 2 and tokens > 64)
    choices = answers(Choice, llm.choose(prompts, LABELS, PREFIX))
    assert [choice.label for choice in choices] == [choice.label for choice in plain]
    assert passes[1:4] == [(1, 256), (1, 256), (1, 128)]
    assert all(tokens <= 64 for _, tokens in passes[4:])
    assert llm.sizes.packing.tokens == 64
    remembered = memory.sizes(llm.model, 4, memo=llm.sizes.memo)
    assert remembered.packing.tokens == 64


def test_what_does_not_fit_at_all_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    llm = resident()
    failing(monkeypatch, llm, lambda *_: True)
    with pytest.raises(torch.OutOfMemoryError):
        list(llm.choose(["the river"], LABELS))


def test_other_errors_are_not_taken_for_a_lack_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    llm = resident()

    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("device-side assert")

    assert llm.takes_cascades
    monkeypatch.setattr(llm.model, "forward", broken)
    with pytest.raises(RuntimeError, match="device-side assert"):
        list(llm.choose(["the river"], LABELS))
    assert llm.sizes.packing.tokens == 64


def test_generation_goes_on_with_half_the_slots(monkeypatch: pytest.MonkeyPatch) -> None:
    prompts = texts(7, longest_words=6)
    expected = list(resident(slots=2).generate(prompts, 15, 1.0))
    llm = resident(slots=4)
    list(llm.generate(prompts[:1], 1))  # what is found out at the first use is known
    passes = failing(monkeypatch, llm, lambda rows, _: len(passes) > 6 and rows > 2)
    assert list(llm.generate(prompts, 15, 1.0)) == expected
    rows = [rows for rows, _ in passes]
    assert 4 in rows[:6]
    assert rows[6] > 2 >= max(rows[7:])


def test_generation_goes_on_with_smaller_passes_of_prompts(monkeypatch: pytest.MonkeyPatch) -> None:
    prompts = texts(9, longest_words=12)
    expected = [one.tokens for one in answers(Generation, resident().generate(prompts, 5))]
    llm = resident(pass_tokens=64)
    list(llm.generate(prompts[:1], 1))
    passes = failing(monkeypatch, llm, lambda _, tokens: tokens > 32)
    assert [one.tokens for one in answers(Generation, llm.generate(prompts, 5))] == expected
    assert (1, 64) in passes
    assert llm.sizes.packing.tokens == 32


def test_generation_that_does_not_fit_at_all_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    llm = resident()
    list(llm.generate(["the river"], 1))
    failing(monkeypatch, llm, lambda *_: True)
    with pytest.raises(torch.OutOfMemoryError):
        list(llm.generate(["the river"], 5))


def test_kept_prefixes_make_room_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    llm = resident()
    list(llm.choose(["the river"], LABELS, PREFIX))
    assert llm.prefixes.memory_bytes
    passes = failing(monkeypatch, llm, lambda *_: len(passes) == 1)
    other = "Say what is true.\n" + PREFIX
    assert len(list(llm.choose(["the river"], LABELS, other))) == 1
    assert len(llm.kept_states()[1]) == 1


@pytest.mark.parametrize(("free", "tokens"), [(1 << 40, 512), (1 << 20, 32), (0, 32)])
def test_passes_are_as_large_as_pays_and_fits(
    monkeypatch: pytest.MonkeyPatch, free: int, tokens: int
) -> None:
    monkeypatch.setattr(memory, "free_bytes", lambda _: free)
    assert memory.sizes(tiny_models.llama(), 4).packing.tokens == tokens


def test_long_items_get_fewer_slots_where_memory_is_small(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    llm = resident(slots=4, cache_bytes=64 * memory.cache_bytes_per_token(tiny_models.llama()))
    prompts = texts(5, longest_words=6)
    list(llm.generate(prompts[:1], 1))
    passes = failing(monkeypatch, llm, lambda *_: False)
    limits = [10, 100, 20, 150, 5]
    cramped = answers(Generation, llm.generate(prompts, limits))
    assert {rows for rows, _ in passes} == {1}
    roomy = answers(Generation, resident(slots=4).generate(prompts, limits))
    assert [answer.tokens for answer in cramped] == [answer.tokens for answer in roomy]


def test_the_control_group_limits_what_is_free(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 9000 kB\nMemAvailable:    5000 kB\n")
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    cpu = torch.device("cpu")
    assert memory.free_bytes(cpu) == 5000 * 1024
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.free_bytes(cpu) == 5000 * 1024
    (tmp_path / "memory.max").write_text("3000000\n")
    (tmp_path / "memory.current").write_text("1000000\n")
    assert memory.free_bytes(cpu) == 2000000
