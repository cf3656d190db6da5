"""What libraries compile in a replica is kept for the next one of the same context."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from tests.workers.host import driver, user_code
from tests.workers.host.driver import Worker, define, load, run
from workers.host import compile_caches
from workers.protocol import BatchEnd, DropContext, ReplicaState


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Libraries that other tests have imported here may have set some of them."""
    for variable in compile_caches.VARIABLES:
        monkeypatch.delenv(variable, raising=False)


def told() -> dict[str, str | None]:
    """What a loader sees of the variables."""
    names = ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR", "CUDA_CACHE_PATH", "VLLM_CACHE_ROOT")
    return {name: os.environ.get(name) for name in names}


def told_to(worker: Worker, context: str, batch: int) -> Any:
    worker.send(load(told, context=context), define(user_code.the_context))
    worker.send(run(batch, [0], context))
    worker.wait(BatchEnd, batch=batch, outcome="done")
    return worker.results(batch)[0]


def test_a_loader_finds_a_folder_that_is_its_contexts_and_outlives_it(
    worker: Worker, cache: Path
) -> None:
    first = told_to(worker, "a", 1)
    assert first == {
        variable: str(cache / "compiled" / "a" / folder)
        for variable, folder in compile_caches.VARIABLES.items()
    }
    kernel = Path(first["TRITON_CACHE_DIR"]) / "kernel"
    kernel.touch()
    worker.send(DropContext("a"))
    worker.wait(ReplicaState, context="a", status="absent")
    assert told_to(worker, "a", 2) == first
    assert kernel.exists()
    assert not set(told_to(worker, "b", 3).values()) & set(first.values())
    for folder in (cache, *cache.rglob("*/")):
        assert folder.stat().st_mode & 0o077 == 0 or folder == kernel


def test_what_the_user_has_set_stays(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRITON_CACHE_DIR", "/somewhere/else")
    with Worker(tmp_path) as worker:
        found = told_to(worker, "a", 1)
    assert found["TRITON_CACHE_DIR"] == "/somewhere/else"
    assert found["TORCHINDUCTOR_CACHE_DIR"] == str(cache / "compiled" / "a" / "inductor")


def test_what_a_library_sets_when_it_is_imported_does_not(
    modules: Path, tmp_path: Path, cache: Path
) -> None:
    line = "import os\nos.environ['TORCHINDUCTOR_CACHE_DIR'] = '/tmp/of_the_library'\n"
    (modules / "sets_variables.py").write_text(line)
    with Worker(tmp_path, "--imports", "sets_variables") as worker:
        found = told_to(worker, "a", 1)
    assert found["TORCHINDUCTOR_CACHE_DIR"] == str(cache / "compiled" / "a" / "inductor")


def test_without_a_private_folder_a_context_loads_all_the_same(
    worker: Worker, cache: Path, tmp_path: Path
) -> None:
    (cache / "compiled").mkdir(parents=True)
    (cache / "compiled").chmod(0o777)
    assert told_to(worker, "a", 1) == dict.fromkeys(compile_caches.VARIABLES)
    (log,) = tmp_path.glob("*told*")
    assert "what is compiled here is not kept: the cache" in log.read_text()


def test_what_was_long_unused_is_removed(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in compile_caches.VARIABLES:
        monkeypatch.setenv(variable, "")  # To be put back afterwards.
    compile_caches.keep("old")
    compile_caches.keep("young")
    long_ago = time.time() - (compile_caches.UNUSED_DAYS + 1) * 86400
    os.utime(cache / "compiled" / "old", (long_ago, long_ago))
    compile_caches.keep("../new")
    assert {path.name for path in (cache / "compiled").iterdir()} == {"young", "_new"}


def compiled(items: list[float]) -> tuple[list[Any], int]:
    """Results of a compiled function, and how often its graph was found in the cache."""
    import torch
    from torch._dynamo.utils import counters

    def function(x: Any) -> Any:
        return torch.sin(x) * 2 + torch.cos(x)

    answers = torch.compile(function)(torch.tensor(items)).tolist()
    return answers, counters["inductor"]["fxgraph_cache_hit"]


@pytest.mark.models
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_a_second_replica_does_not_compile_again(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    monkeypatch.setattr(driver, "DEADLINE_SECONDS", 110.0)
    answers = []
    for batch in (1, 2):
        worker.send(load(compiled, [0.5, 1.5], context="a", timeout_seconds=300.0))
        worker.send(define(user_code.the_context), run(batch, [0], "a"))
        worker.wait(BatchEnd, batch=batch, outcome="done")
        answers.append(worker.results(batch)[0])
        worker.send(DropContext("a"))
        worker.wait(ReplicaState, context="a", status="absent")
    (first, missed), (again, found) = answers
    assert (first, missed) == (again, 0)
    assert found == 1
