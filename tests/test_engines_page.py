"""docs/engines.md: every program runs, with real workers and stand-ins for the engines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.pages import Page

ROOT = Path(__file__).parents[1]
PAGE = Page("engines.md")
GPU = {"index": 0, "uuid": "GPU-a", "name": "A GPU", "memory_bytes": 40_000_000_000}

VLLM = '''
"""One output per prompt, in their order; a sampling seed and a prompt decide the text."""

import os
from types import SimpleNamespace as Some


class SamplingParams:
    def __init__(self, *, temperature=1.0, max_tokens=16, seed=None):
        self.max_tokens, self.seed = max_tokens, seed


class LLM:
    def __init__(self, model, *, max_model_len, gpu_memory_utilization):
        assert os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] == "0"
        assert "compiled" in os.environ["VLLM_CACHE_ROOT"]
        assert os.path.isdir(model)
        self._asked = []

    def generate(self, prompts, sampling_params, *, use_tqdm=True):
        assert not use_tqdm
        self._asked.append(list(prompts))
        assert self._asked[0] == ["Hello"]  # The probe came first.
        given = sampling_params
        each = given if isinstance(given, list) else [given] * len(prompts)
        assert len(each) == len(prompts)
        return [
            Some(outputs=[Some(text=f"{p[-40:]}/{s.seed}", token_ids=(1, 2), finish_reason="stop")])
            for p, s in zip(prompts, each)
        ]
'''
SGLANG = '''
"""It answers from a process of its own, as the engine does."""

import multiprocessing
import os


def _serve(link):
    for prompt in iter(link.recv, None):
        link.send(prompt[-40:] + "/0")


class Engine:
    def __init__(self, *, model_path, mem_fraction_static, random_seed):
        assert os.path.isdir(model_path)
        spawn = multiprocessing.get_context("spawn")
        self._link, theirs = spawn.Pipe()
        spawn.Process(target=_serve, args=(theirs,)).start()

    def generate(self, prompt, sampling_params):
        assert sampling_params["max_new_tokens"]
        answers = []
        for one in prompt:
            self._link.send(one)
            answers.append({"text": self._link.recv(), "meta_info": {"completion_tokens": 2}})
        return answers
'''
LLAMA_CPP = '''
"""One completion per call."""

import os


class Llama:
    def __init__(self, *, model_path, n_ctx, n_gpu_layers, n_threads, n_threads_batch, verbose):
        assert os.path.isfile(model_path)
        assert n_threads == n_threads_batch == int(os.environ["OMP_NUM_THREADS"])
        self._fresh = True

    def reset(self):
        self._fresh = True

    def create_completion(self, prompt, *, max_tokens, temperature, seed):
        assert self._fresh
        self._fresh = False
        return {
            "choices": [{"text": f"{prompt[-40:]}/{seed}", "finish_reason": "stop"}],
            "usage": {"completion_tokens": 2},
        }
'''
SENTENCE_TRANSFORMERS = '''
"""A row of an array per text."""

import os


class Rows(list):
    def tolist(self):
        return list(self)


class SentenceTransformer:
    def __init__(self, model_name_or_path):
        assert os.path.isdir(model_name_or_path)

    def encode(self, inputs, *, batch_size, normalize_embeddings, show_progress_bar):
        return Rows([float(text.split()[1]), 1.0] for text in inputs)
'''
STAND_INS = {
    "vllm": VLLM,
    "sglang": SGLANG,
    "llama_cpp": LLAMA_CPP,
    "sentence_transformers": SENTENCE_TRANSFORMERS,
}


def engine_of(program: str) -> str:
    (name,) = [
        name for name in STAND_INS if f"import {name}" in program or f"from {name}" in program
    ]
    return name


PROGRAMS = {engine_of(program): program for program in PAGE.blocks("python")}


def carried_out(program: str, folder: Path) -> dict[int, Any]:
    """Its rows by key, when it has ended well."""
    packages = folder / "packages"
    packages.mkdir()
    for name, source in STAND_INS.items():
        (packages / f"{name}.py").write_text(source)
    for model in ("llama-3.1-8b-instruct", "all-minilm-l6-v2"):
        (folder / "models" / model).mkdir(parents=True)
        (folder / "models" / model / "config.json").write_text("{}")
    (folder / "models" / "llama-3.1-8b-q4_k_m.gguf").write_bytes(b"GGUF")
    questions = [json.dumps({"id": n, "question": f"Is {n} even?"}) for n in range(1, 8)]
    (folder / "questions.jsonl").write_text("\n".join(questions) + "\n")
    (folder / "program.py").write_text(program)
    environment = {
        "PYTHONPATH": f"{ROOT}:{packages}",
        "PCM_CACHE": str(folder / "cache"),
        "PCM_ACCELERATORS": json.dumps([GPU]),
    }
    ended = subprocess.run(
        [sys.executable, "-W", "error", "program.py"],
        check=False,
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert ended.returncode == 0, ended.stderr
    (results,) = (folder / "runs").glob("*/results.jsonl")
    return {row["id"]: row for row in map(json.loads, results.read_text().splitlines())}


def test_there_is_a_program_for_every_engine() -> None:
    assert set(PROGRAMS) == set(STAND_INS)
    assert len(PAGE.blocks("python")) == len(STAND_INS)


@pytest.mark.parametrize("engine", STAND_INS)
def test_a_program_gives_every_item_its_own_result(engine: str, tmp_path: Path) -> None:
    rows = carried_out(PROGRAMS[engine], tmp_path)
    assert sorted(rows) == list(range(1, 8))
    for key, row in rows.items():
        if engine == "sentence_transformers":
            assert row["value"] == [key, 1.0]
        else:
            assert f"Question: Is {key} even?" in row["text"]
            assert row["text"].endswith("/0" if engine == "sglang" else f"/{key}")
            assert row["tokens"] == 2
