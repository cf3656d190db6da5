"""What is written for a lent GPU runs, with a tiny model on the CPU, and writes its figures."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.evaluations.program import ROOT

COMMAND = [sys.executable, "-m", "evaluations.inference.on_gpu", "--quick"]


@pytest.mark.models
def test_figures_are_written_with_hardware_date_and_command(tmp_path: Path) -> None:
    given = ["--shape", "tiny", "--device", "cpu", "--dtype", "float32", "--out", str(tmp_path)]
    done = subprocess.run([*COMMAND, *given], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (file,) = tmp_path.iterdir()
    found = json.loads(file.read_text())
    assert file.name == f"{found['date']}-cpu-inference.json"
    assert found["command"].startswith("python -m evaluations.inference.on_gpu --quick --shape")
    assert found["machine"]["cores"] >= 1
    assert found["generation"]["same_bits_without_graphs"]
    assert found["generation"]["tokens_per_second"]["pcm"]["min"] > 0
    assert found["verification, prefix 64"]["same_bits_in_another_order"]
    assert found["verification, prefix 64"]["same_bits_alone"]
    assert {"pcm, cached", "transformers, uncached"} <= found["loading"].keys()
