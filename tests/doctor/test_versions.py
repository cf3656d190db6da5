from __future__ import annotations

import importlib.metadata

import pytest

import pcm
from pcm.doctor.versions import inference, versions


def test_versions_are_those_of_the_metadata() -> None:
    found = {check.name: check.detail for check in versions().checks}
    assert found["pcm"] == pcm.__version__
    assert found["msgspec"] == importlib.metadata.version("msgspec")


def test_what_is_missing_has_a_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    section = inference()
    assert not section.works
    assert section.checks[0].name == "torch"
    assert section.checks[0].mend == "pip install 'pcm[inference]'"
    assert versions().checks[-1].state == "note", "Parquet is optional"
