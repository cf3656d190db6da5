from __future__ import annotations

from pathlib import Path

import pytest

from pcm.doctor.htcondor import htcondor
from pcm.doctor.taskvine import program, taskvine


def test_every_missing_part_has_a_mend() -> None:
    for section in (taskvine(), htcondor()):
        for check in section.checks:
            assert check.state in ("ok", "note") or check.mend


def test_a_program_is_looked_for_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert program("vine_worker", "install it").mend == "install it"
    (tmp_path / "vine_worker").touch(mode=0o755)
    assert program("vine_worker", "").detail == str(tmp_path / "vine_worker")


def test_a_module_that_cannot_be_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    for module in ("ndcctools", "htcondor2"):
        (tmp_path / f"{module}.py").write_text("raise ImportError('libcvine.so is not there')\n")
    for section in (taskvine(), htcondor()):
        assert section.checks[0].state == "broken"
        assert section.checks[0].detail == "ImportError: libcvine.so is not there"
        assert not section.works
