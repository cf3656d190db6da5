from __future__ import annotations

import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest

import pcm
from pcm.doctor.versions import NEEDED, inference, versions


def test_versions_are_those_of_the_metadata() -> None:
    found = {check.name: check.detail for check in versions().checks}
    assert found["pcm"] == pcm.__version__
    assert found["msgspec"] == importlib.metadata.version("msgspec")


def test_what_is_needed_comes_with_pcm() -> None:
    project = tomllib.loads((Path(pcm.__file__).parents[1] / "pyproject.toml").read_text())
    declared = {re.split(r"[<>=]", needed)[0] for needed in project["project"]["dependencies"]}
    assert set(NEEDED) <= declared


def test_what_is_missing_has_a_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    section = inference()
    assert not section.works
    assert section.checks[0].name == "torch"
    assert section.checks[0].mend == "pip install 'pcm[inference]'"
    assert versions().checks[-1].state == "note", "Parquet is optional"
