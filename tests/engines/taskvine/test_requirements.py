"""What is refused, and how it is said."""

from __future__ import annotations

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
        ("listen", 0),
        ("grace_seconds", -1.0),
        ("password_file", empty),
        ("password_file", tmp_path / "none"),
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
