"""The files that glideins are sent."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from condor import materials
from condor.invitation import Invitation
from pcm.errors import InputError


@pytest.fixture
def invitation(tmp_path: Path) -> Invitation:
    (tmp_path / "secret").write_text("open sesame")
    return Invitation("host:1", tmp_path / "secret")


def test_they_are_laid_out_and_taken_away(tmp_path: Path, invitation: Invitation) -> None:
    directory = tmp_path / "jobs"
    for _ in range(2):  # The second time over the first.
        materials.lay_out(directory, invitation)
    password = directory / materials.PASSWORD
    assert password.read_text() == "open sesame"
    assert stat.S_IMODE(password.stat().st_mode) == 0o600
    assert stat.S_IMODE((directory / materials.STUB).stat().st_mode) == 0o755
    materials.log(directory, "a100").write_text("...")
    materials.clear(directory)
    assert [path.name for path in directory.iterdir()] == ["a100.log"]


def test_what_a_glidein_printed_stays(tmp_path: Path, invitation: Invitation) -> None:
    materials.lay_out(tmp_path, invitation)
    (tmp_path / materials.OUTPUT / "a100.1.0.out").touch()
    materials.clear(tmp_path)
    assert (tmp_path / materials.OUTPUT / "a100.1.0.out").exists()


def test_a_directory_that_cannot_be_written(tmp_path: Path, invitation: Invitation) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="directory"):
        materials.lay_out(tmp_path / "file" / "jobs", invitation)


def test_the_program_is_the_same_each_time_and_needs_nothing_of_the_node(tmp_path: Path) -> None:
    assert materials.program() == materials.program()
    path = tmp_path / materials.PROGRAM
    path.write_bytes(materials.program())
    answer = subprocess.run(
        [sys.executable, "-I", "-S", str(path), "--help"],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert "--manager HOST:PORT" in answer.stdout


def test_the_kit_is_the_same_each_time_and_runs(tmp_path: Path) -> None:
    assert materials.kit() == materials.kit()
    path = tmp_path / "kit.zip"
    path.write_bytes(materials.kit())
    code = "import sys; sys.path.insert(0, sys.argv[1]); import workers.launch.pilot as p"
    code += "; print(p.__file__)"
    answer = subprocess.run(
        [sys.executable, "-I", "-c", code, str(path)], check=True, capture_output=True, text=True
    )
    assert answer.stdout.startswith(str(path))
