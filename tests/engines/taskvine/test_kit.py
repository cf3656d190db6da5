"""The kit: whole, the same every time, and compiled."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

from pcm.engines.taskvine.kit import kit
from workers import carriage


def test_it_is_the_same_every_time() -> None:
    assert kit() == kit()


def test_its_modules_are_used_as_compiled(tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(kit())) as archive:
        archive.extractall(tmp_path)
        required = json.loads(archive.read("requirements.json"))
    assert required["python"] == carriage.python_version()
    code = "import workers.host.supervisor as s; print(s.__cached__); print(s.__file__)"
    # Nothing may be written: then what is imported is what was compiled here.
    command = [sys.executable, "-v", "-B", "-c", code]
    answer = subprocess.run(
        command,
        check=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    cached, file = answer.stdout.split()
    assert file.startswith(str(tmp_path))
    assert f"matches {file}" in answer.stderr
    assert f"code object from '{cached}'" in answer.stderr
