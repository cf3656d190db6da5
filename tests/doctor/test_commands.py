from __future__ import annotations

from pathlib import Path

from pcm.doctor.commands import importable, python
from tests.manager.processes import gone


def test_a_command_that_ends() -> None:
    answer = python("-c", "import sys; print('out'); sys.exit('wrong')", timeout_seconds=60)
    assert (answer.code, answer.stdout, answer.last_line) == (1, "out\n", "wrong")


def test_a_command_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    program = (
        "import os, subprocess, sys, time; "
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); "
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}'); time.sleep(600)"
    )
    answer = python("-c", program, timeout_seconds=3)
    assert answer.code is None
    assert gone([int(pid) for pid in pids.read_text().split()])


def test_imports_are_tried_in_a_process_of_their_own() -> None:
    assert importable("json").code == 0
    answer = importable("absent_module")
    assert answer.code == 1
    assert "No module named 'absent_module'" in answer.last_line
