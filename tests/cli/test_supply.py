from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from condor import Glideins
from pcm.cli.supply import Supply, supply_as_begun
from pcm.errors import InputError
from tests.cli.runs_with_glideins import begun

pytest.importorskip("htcondor2")


def test_a_run_keeps_its_glideins(tmp_path: Path) -> None:
    archive = tmp_path / "env.tar.gz"
    archive.touch()
    classes = (
        Glideins(name="a", most=3, gpu_memory="40 GB", attributes={"+A": "1"}, walltime=3600),
        Glideins(name="b", most=1, gpus=0, archive=archive, check_gpus=False),
    )
    assert classes[0].gpu_memory_bytes  # what it has worked out is not written down
    (tmp_path / "home").mkdir()
    supply = Supply(classes, tmp_path / "home", "here.example.org")
    begun(tmp_path / "run", supply)
    again = supply_as_begun(tmp_path / "run")
    assert again.glideins[0] == classes[0]
    assert again.trusted().glideins[0] == dataclasses.replace(classes[0], check_match=False)
    assert again.glideins[1].archive == str(archive)
    assert again[1:] == supply[1:]
    archive.unlink()
    with pytest.raises(InputError, match=r"env\.tar\.gz is no file"):
        supply_as_begun(tmp_path / "run")


def test_a_home_that_is_not_there_any_more_is_in_the_run(tmp_path: Path) -> None:
    begun(tmp_path / "run", Supply((Glideins(name="a", most=3),)))
    (tmp_path / "run" / "manager").mkdir()
    found = supply_as_begun(tmp_path / "run").home_of(tmp_path / "run")
    assert found == tmp_path / "run" / "manager"
    (tmp_path / "run").rename(tmp_path / "moved")
    found = supply_as_begun(tmp_path / "moved").home_of(tmp_path / "moved")
    assert found == tmp_path / "moved" / "manager"


def test_runs_without_have_none(tmp_path: Path) -> None:
    begun(tmp_path / "run", Supply())
    assert supply_as_begun(tmp_path / "run") == Supply()
