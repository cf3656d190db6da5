"""`environment.yml` gives conda what pyproject.toml needs, and TaskVine."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ENVIRONMENT: dict[str, Any] = yaml.safe_load((ROOT / "environment.yml").read_text())
CONDA = [one for one in ENVIRONMENT["dependencies"] if isinstance(one, str)]
PIP = next(one["pip"] for one in ENVIRONMENT["dependencies"] if isinstance(one, dict))
TORCH_OF_CONDA = "pytorch"


def least(requirement: str) -> tuple[int, ...]:
    """The version that a requirement asks for, as numbers."""
    found = re.search(r"[=>]=?([\d.]+)", requirement)
    assert found, requirement
    return tuple(int(part) for part in found[1].split("."))


def of_conda(name: str) -> str:
    (requirement,) = [one for one in CONDA if re.match(rf"{name}\b", one)]
    return requirement


def test_it_is_made_of_conda_forge_alone() -> None:
    assert ENVIRONMENT["channels"] == ["conda-forge"]


def test_python_is_one_that_the_project_takes() -> None:
    assert least(of_conda("python")) >= least(PROJECT["requires-python"])


def test_taskvine_is_there_and_pip_for_the_rest() -> None:
    assert least(of_conda("ndcctools")) >= (7, 16)
    assert of_conda("pip") == "pip"


def test_the_project_is_installed_with_extras_that_it_has() -> None:
    (own,) = PIP
    found = re.fullmatch(r"-e \.\[([\w,]+)\]", own)
    assert found, own
    assert set(found[1].split(",")) == set(PROJECT["optional-dependencies"])


def test_torch_is_no_older_than_the_project_needs() -> None:
    (torch,) = [
        one for one in PROJECT["optional-dependencies"]["inference"] if one.startswith("torch")
    ]
    assert least(of_conda(TORCH_OF_CONDA)) >= least(torch)
