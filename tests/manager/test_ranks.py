"""Replicas of several ranks, as a user has them: real collectives, and whatever happens to one of
the ranks costs no row."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import pcm
from tests.manager.processes import gone, kill, supervisors, tree
from tests.pages import Page
from workers.host.processes import search_path

DEADLINE_SECONDS = 60.0
MODEL = Path(__file__).parents[2] / "apps" / "fact_verification" / "demo" / "model"


@pcm.context(ranks=2, imports=("torch",))
def joined(directory: str) -> Any:
    """Ranks that have found each other; each leaves its pid."""
    import os

    from torch import distributed

    rank = int(os.environ["RANK"])
    distributed.init_process_group(
        "gloo",
        init_method=f"file://{os.environ['PCM_RENDEZVOUS']}",
        rank=rank,
        world_size=int(os.environ["WORLD_SIZE"]),
    )
    (Path(directory) / f"rank-{rank}").write_text(str(os.getpid()))
    return rank


@pcm.task
def summed(rank: int, items: Sequence[int], directory: str, fatal: int = -1) -> Iterator[int]:
    """Item and twice the item, each from a rank. At the fatal item rank 1 does not come, once."""
    import torch
    from torch import distributed

    waiting = Path(directory) / "waiting"
    for item in items:
        if rank == 1 and item == fatal and not waiting.exists():
            waiting.touch()
            while True:
                time.sleep(60)
        box = torch.tensor([item * (1 + rank)])
        distributed.all_reduce(box)
        yield int(box)


@pytest.mark.kills
@pytest.mark.parametrize("victim", ["rank 1", "supervisor"])
def test_the_one_is_killed_and_the_other_waits_for_it(tmp_path: Path, victim: str) -> None:
    task = summed.bind(directory=str(tmp_path), fatal=5)
    with pcm.Manager(workers=1) as manager:
        run = manager.map(task, range(20), context=joined(str(tmp_path)), batch=10)
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not (tmp_path / "waiting").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        pids = [int((tmp_path / f"rank-{rank}").read_text()) for rank in range(2)]
        if victim == "supervisor":
            (supervisor,) = supervisors()
            pids = tree(supervisor.pid)
            assert len(pids) == 5  # itself, template, keeper, ranks
            kill(supervisor)
        else:
            os.kill(pids[int(victim[-1])], signal.SIGKILL)
        rows = {row.key: row for row in run}
    assert {key: row.value for key, row in rows.items()} == {n: 3 * n for n in range(20)}
    assert run.summary().lost_batches == 1
    assert gone(pids)


def test_the_program_of_the_page(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(Page("ranks.md").blocks("python")[1])
    command = [sys.executable, str(program)]
    environment = os.environ | {"PYTHONPATH": search_path()}
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.splitlines() == [f"{n} {3 * n}" for n in range(5)], done.stderr


def test_the_language_model_on_two_ranks_answers_as_on_one() -> None:
    @pcm.task
    def labelled(llm: Any, items: Sequence[int]) -> Iterator[list[str]]:
        texts = [f"The river {item} is long." for item in items]
        labels = [choice.label for choice in llm.choose(texts, ["SUPPORTED", "REFUTED"])]
        words = [each.text for each in llm.generate(texts, 4, temperature=0.9, seed=3)]
        yield from map(list, zip(labels, words, strict=True))

    found = []
    with pcm.Manager(workers=1) as manager:
        for declared in (pcm.language_model, pcm.context(ranks=2)(pcm.language_model)):
            recipe = declared(str(MODEL), pass_tokens=64, slots=4)
            found.append(
                {row.key: row.value for row in manager.map(labelled, [1, 2], context=recipe)}
            )
    assert found[0] == found[1]
    assert len(found[0]) == 2
    assert all(found[0].values())


def test_a_model_with_caches_of_unequal_length_on_two_ranks_answers_as_on_one() -> None:
    def compressed(model: str, prompts: tuple[str, ...]) -> Any:
        from workers.inference.fairkv import load_fair

        return load_fair(model, budget_tokens=40, prompts=prompts, slots=4)

    @pcm.task
    def continued(llm: Any, items: Sequence[str]) -> Iterator[list[Any]]:
        longest = max(len(llm.tokenizer(item)["input_ids"]) for item in items)
        yield from ([each.text, longest] for each in llm.generate(items, 6))

    texts = [f"In the year {n} " + "the river rose and the bridge fell, " * 9 for n in range(3)]
    found = []
    with pcm.Manager(workers=1) as manager:
        for ranks in (1, 2):
            declared = pcm.context(ranks=ranks, imports=["workers.inference.fairkv"])(compressed)
            run = manager.map(continued, texts, context=declared(str(MODEL), tuple(texts)))
            found.append({row.key: row.value for row in run})
    assert all(tokens > 40 for rows in found for _, tokens in rows.values()), "none is cut"
    one, two = ({key: text for key, (text, _) in rows.items()} for rows in found)
    assert one == two


def test_a_loader_that_fails_in_one_rank_fails_the_run_with_its_words() -> None:
    @pcm.context(ranks=2)
    def uneven() -> None:
        if os.environ["RANK"] == "1":
            raise OSError("no room for my half")
        time.sleep(600)

    @pcm.task
    def nothing(_: Any, items: Sequence[int]) -> list[int]:
        return list(items)

    with pcm.Manager(workers=1) as manager:
        run = manager.map(nothing, range(5), context=uneven())
        with pytest.raises(pcm.RunError, match="OSError: rank 1 of 2: no room for my half"):
            run.wait(timeout=60)


def test_each_rank_has_a_gpu_of_the_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GPUs are said to be there that are not."""
    gpus = [
        {"index": index, "uuid": f"GPU-{index}", "name": "Made up", "memory_bytes": 1 << 30}
        for index in range(2)
    ]
    monkeypatch.setenv("PCM_ACCELERATORS", json.dumps(gpus))

    @pcm.context(gpus=2)
    def seen(directory: str) -> None:
        Path(directory, os.environ["RANK"]).write_text(os.environ["CUDA_VISIBLE_DEVICES"])

    @pcm.task
    def nothing(_: Any, items: Sequence[int]) -> list[int]:
        return list(items)

    with pcm.Manager(workers=1, gpus_per_worker=2) as manager:
        assert [row.value for row in manager.map(nothing, [0], context=seen(str(tmp_path)))] == [0]
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "0": "GPU-0",
        "1": "GPU-1",
    }
