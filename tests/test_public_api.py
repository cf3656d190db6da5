from __future__ import annotations

import pkgutil
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

import pcm


@pytest.mark.parametrize("name", pcm.__all__)
def test_every_public_name_is_there_and_stays_what_it_is(name: str) -> None:
    first = getattr(pcm, name)
    assert not isinstance(first, ModuleType)
    assert getattr(pcm, name) is first


def test_no_module_hides_a_public_name() -> None:
    """Importing ``pcm.x`` sets the attribute ``x`` of pcm, whatever stood there before."""
    modules = {module.name for module in pkgutil.iter_modules(pcm.__path__)}
    assert modules & set(pcm.__all__) == set()


def test_the_version_is_that_of_the_project() -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    assert project["version"] == pcm.__version__
