"""What a user may declare of a class, and what not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from condor import Glideins
from pcm.errors import InputError


def test_a_class_in_units() -> None:
    glideins = Glideins(name="a100", most=20, gpu_memory="40 GB", walltime="8 h", grace=90)
    assert glideins.pool == "glidein:a100"
    assert glideins.gpu_memory_bytes == 40 * 10**9
    assert (glideins.walltime_seconds, glideins.grace_seconds) == (28800, 90)
    assert Glideins(name="b", most=1).walltime_seconds is None


@pytest.mark.parametrize(
    ("field", "options"),
    [
        ("name", {"name": "a.100"}),
        ("name", {"name": ""}),
        ("most", {"most": 0}),
        ("most", {"most": True}),
        ("least", {"least": 3}),
        ("gpus", {"gpus": -1}),
        ("cpus", {"cpus": 0}),
        ("gpu_memory", {"gpu_memory": "forty"}),
        ("gpu_memory", {"gpu_memory": "40 GB", "gpus": 0}),
        ("capability", {"capability": 0.0}),
        ("require_gpus", {"require_gpus": "true", "gpus": 0}),
        ("memory", {"memory": "8 KB"}),
        ("disk", {"disk": 0}),
        ("grace", {"grace": 0}),
        ("walltime", {"walltime": "1 min"}),
        ("attributes", {"attributes": {"a b": "1"}}),
        ("attributes", {"attributes": {"A": "1\n2"}}),
        ("attributes", {"attributes": {"A": 1}}),
        ("environment", {"environment": {"A-B": "1"}}),
        ("submit", {"submit": {"Executable": "/bin/sh"}}),
        ("submit", {"submit": {"on_exit_remove": "true"}}),
        ("archive", {"archive": "/nowhere.tar.gz"}),
        ("archive", {"archive": __file__, "image": "docker://x"}),
        ("python", {"archive": __file__, "python": "/usr/bin/python3"}),
    ],
)
def test_what_cannot_be_meant(field: str, options: dict[str, Any]) -> None:
    given: dict[str, Any] = {"name": "a100", "most": 2} | options
    with pytest.raises(InputError) as raised:
        Glideins(**given)
    assert raised.value.field == field
    assert raised.value.mend


def test_an_archive_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "env.tar.gz").touch()
    assert Glideins(name="x", most=1, archive=tmp_path / "env.tar.gz").archive
