from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from pcm.user_code.modules import is_user_module, read_source
from tests.written_modules import written


@pytest.mark.parametrize(
    "name",
    ["sys", "os.path", "json.decoder", "_socket", "numpy", "msgspec.json", "workers.protocol"],
)
def test_libraries_are_not_the_users(name: str) -> None:
    assert not is_user_module(name)


@pytest.mark.parametrize("name", ["__main__", "pcm", "pcm.core.events", "apps.x", __name__])
def test_scripts_projects_and_pcm_travel(name: str) -> None:
    assert is_user_module(name)


def test_what_does_not_exist_is_nobodys_and_is_asked_for_again(tmp_path: Path) -> None:
    assert not is_user_module("appears_later")
    with written(tmp_path, "appears_later", appears_later=""):
        assert is_user_module("appears_later")


def test_a_module_made_at_run_time_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "made_at_run_time", ModuleType("made_at_run_time"))
    assert is_user_module("made_at_run_time")


def test_sources_are_read_without_importing(tmp_path: Path) -> None:
    (tmp_path / "space" / "deep").mkdir(parents=True)
    (tmp_path / "space" / "deep" / "m.py").write_text("raise SystemExit\n")
    with written(tmp_path, "top", top=""):
        source = read_source("space.deep.m")
        assert source is not None
        assert source.text == "raise SystemExit\n"
        assert not source.is_package
        namespace = read_source("space.deep")
        assert namespace is not None
        assert (namespace.text, namespace.is_package) == ("", True)
        assert read_source("space.nothing") is None
        assert "space.deep.m" not in sys.modules


def test_what_is_no_python_text_has_no_source() -> None:
    assert read_source("numpy._core._multiarray_umath") is None
    assert read_source("sys") is None
