from __future__ import annotations

import subprocess
import sys

import pytest

from pcm.engines import make_engine
from pcm.engines.local import LocalEngine
from pcm.errors import InputError


def test_engines_are_made_by_name_with_their_options() -> None:
    engine = make_engine("local", workers=3)
    assert isinstance(engine, LocalEngine)
    assert engine.default_workers() >= 1


def test_an_unknown_engine_names_those_there_are() -> None:
    with pytest.raises(InputError, match=r"engine: no engine is called 'slurm'; use 'local'"):
        make_engine("slurm")


def test_an_unknown_option_names_those_there_are() -> None:
    with pytest.raises(InputError, match="nodes: the local engine has no such option; its options"):
        make_engine("local", nodes=3)


def test_the_names_alone_import_no_engine() -> None:
    code = "import pcm.engines, sys; assert 'pcm.engines.local' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
