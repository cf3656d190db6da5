"""What is refused, and how it is said."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from pcm.engines import make_engine
from pcm.engines.taskvine import TaskVineEngine, requirements
from pcm.errors import EngineError, InputError
from tests.cluster import rootfs
from workers import carriage


def test_bad_options_are_named(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    for option, value in (
        ("workers", -1),
        ("listen", -1),
        ("grace_seconds", -1.0),
        ("password_file", empty),
        ("password_file", tmp_path / "none"),
        ("environment", empty),
        ("transfers_per_source", -1),
        ("transfers_per_source", 5),
        ("nonsense", 1),
    ):
        with pytest.raises(InputError, match=option):
            make_engine("taskvine", **{option: value})


def test_a_worker_of_another_python_or_launcher_is_refused() -> None:
    here = carriage.Identity("w", carriage.python_version(), carriage.CARRIAGE_VERSION)
    assert requirements.refusal(here) == ""
    assert "3.1," in requirements.refusal(here._replace(python="3.1"))
    assert "version 99" in requirements.refusal(here._replace(version=99))


@pytest.mark.skipif(rootfs.native(), reason="TaskVine is here")
def test_a_machine_without_taskvine_is_told_how_to_get_it() -> None:
    engine = TaskVineEngine()
    with pytest.raises(EngineError, match="conda install -c conda-forge ndcctools"):
        engine.start(None)  # type: ignore[arg-type]
    engine.stop()


def archived(tmp_path: Path, *names: str) -> Path:
    path = tmp_path / "environment.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(name))
    return path


@pytest.mark.parametrize("name", ["bin/python", "./bin/python"])
def test_an_archive_with_a_python_is_an_environment(tmp_path: Path, name: str) -> None:
    requirements.check_environment(archived(tmp_path, "lib/x", name))


def test_an_archive_without_one_is_none(tmp_path: Path) -> None:
    path = archived(tmp_path, "lib/x", "environment/bin/python")
    with pytest.raises(InputError, match="holds no bin/python"):
        requirements.check_environment(path)


def test_what_is_no_archive_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no archive"):
        requirements.check_environment(tmp_path / "missing.tar")
    path = archived(tmp_path, *(f"lib/{number}" for number in range(100)))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match="no archive"):
        requirements.check_environment(path)


def test_with_an_environment_the_launchers_python_does_not_matter() -> None:
    other = carriage.Identity("w", "3.9", carriage.CARRIAGE_VERSION)
    assert "its Python is 3.9" in requirements.refusal(other)
    assert requirements.refusal(other, own_python=False) == ""
