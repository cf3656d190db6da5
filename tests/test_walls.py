"""The walls between the packages: that they stand, and that the linter would see a hole."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("pcm", "workers", "apps", "evaluations")
HEAVY = {
    *("torch", "transformers", "pandas", "pyarrow", "numpy", "pydantic", "typer", "rich", "yaml"),
    *("cloudpickle", "msgspec", "psutil", "sqlite3", "asyncio", "multiprocessing"),
}


def loaded_after(statement: str) -> set[str]:
    """Top-level modules that a new interpreter has loaded after a statement."""
    program = f"{statement}\nimport sys; print(*{{m.partition('.')[0] for m in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split())


def test_importing_pcm_loads_nothing_heavy() -> None:
    assert loaded_after("import pcm") & HEAVY == set()


def test_declaring_contexts_and_tasks_loads_no_library_of_models_or_tables() -> None:
    loaded = loaded_after("import pcm; pcm.context, pcm.task, pcm.Jsonl")
    assert loaded & {"torch", "transformers", "pandas", "pyarrow", "pydantic", "typer"} == set()


def test_the_command_lines_help_loads_no_model_library() -> None:
    program = "import sys; sys.argv = ['pcm', '--help']\nfrom pcm.cli import main\n"
    program += "try: main()\nexcept SystemExit as end: assert not end.code, end.code"
    loaded = loaded_after(program)
    heavy = {"torch", "transformers", "pandas", "pyarrow", "numpy", "pydantic", "yaml", "sqlite3"}
    assert loaded & heavy == set()


def test_a_workers_supervisor_loads_no_model_library() -> None:
    loaded = loaded_after("import workers.host.__main__")
    assert loaded & {"torch", "transformers", "numpy", "pcm"} == set()


def test_the_core_imports_only_the_standard_library_msgspec_numpy_and_itself() -> None:
    graph = grimp.build_graph("pcm", include_external_packages=True, cache_dir=None)
    core = {"pcm.core"} | graph.find_descendants("pcm.core")
    imported = {
        found for module in core for found in graph.find_modules_directly_imported_by(module)
    }
    tops = {module.partition(".")[0] for module in imported - core}
    assert tops - sys.stdlib_module_names <= {"msgspec", "numpy"}


HOLES = {
    "pcm/journal/__init__.py": "import pcm.manager",
    "pcm/core/__init__.py": "import time",
    "pcm/manager/__init__.py": "import pickle",
    "pcm/telemetry/score.py": "import time",
    "pcm/cli/__init__.py": "import transformers",
    "pcm/new_room.py": "",
    "workers/__init__.py": "import pcm.errors",
    "workers/probe.py": "import ndcctools",
    "apps/__init__.py": "from pcm.journal import Journal",
}


@pytest.fixture(scope="module")
def broken_contracts(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the linter says of a copy of the tree into which holes were made."""
    copy = tmp_path_factory.mktemp("tree")
    skip = shutil.ignore_patterns("__pycache__", "*.json*", "*.safetensors")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, copy / package, ignore=skip)
    shutil.copy(ROOT / "pyproject.toml", copy)
    for file, hole in HOLES.items():
        with open(copy / file, "a") as source:
            source.write(f"\n{hole}\n")
    linter = Path(sysconfig.get_path("scripts")) / "lint-imports"
    done = subprocess.run(
        [linter, "--no-cache"], cwd=copy, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return re.sub(r"\s+", " ", done.stdout)


@pytest.mark.parametrize(
    "complaint",
    [
        "The floors of pcm: every arrow points down BROKEN",
        "(evaluations also to what decides) BROKEN",
        "What runs on a worker knows nothing of the manager's side BROKEN",
        "The core is pure: no clock, no threads, no input or output, no chance BROKEN",
        "the runbook, scores, remedies, clocks BROKEN",
        "Only resident models (and the contexts of apps) import torch or transformers BROKEN",
        "Only the TaskVine engine imports ndcctools, only condor imports htcondor2 BROKEN",
        "Nothing is unpickled beside the manager: only packing, one way, may pickle BROKEN",
        "new_room",
        "pcm.manager -> pickle",
        "apps -> pcm.journal",
    ],
)
def test_the_linter_sees_every_hole(broken_contracts: str, complaint: str) -> None:
    assert complaint in broken_contracts
