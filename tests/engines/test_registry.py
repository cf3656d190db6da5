from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pcm.engines import check_workers, make_engine
from pcm.engines.local import LocalEngine
from pcm.errors import InputError


def test_engines_are_made_by_name_with_their_options() -> None:
    engine = make_engine("local", workers=3)
    assert isinstance(engine, LocalEngine)
    assert engine.default_workers() >= 1


def test_an_engine_tells_how_it_was_made() -> None:
    engine = make_engine("local", workers=3, scratch=Path("/tmp"), logs=None, grace_seconds=0)
    options = {"scratch": "/tmp", "grace_seconds": 0}
    assert engine.made_of == {"engine": "local", "engine_options": options}
    assert LocalEngine().made_of == {}


def test_no_workers_are_too_few_for_an_engine_that_takes_none_from_outside() -> None:
    local, taskvine = make_engine("local"), make_engine("taskvine")
    check_workers(taskvine, 0)
    check_workers(local, None)
    with pytest.raises(InputError, match="workers: is 0, and this engine takes no workers from"):
        check_workers(local, 0)


def test_an_unknown_engine_names_those_there_are() -> None:
    with pytest.raises(InputError, match=r"engine: no engine is called 'slurm'; use 'local'"):
        make_engine("slurm")


def test_an_unknown_option_names_those_there_are() -> None:
    with pytest.raises(InputError, match="nodes: the local engine has no such option; its options"):
        make_engine("local", nodes=3)


def test_the_names_alone_import_no_engine() -> None:
    code = "import pcm.engines, sys; assert 'pcm.engines.local' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
