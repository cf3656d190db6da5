from __future__ import annotations

from pathlib import Path

import pytest

from pcm.doctor.base import Check
from pcm.doctor.commands import Answer
from pcm.doctor.taskvine import _same_protocol, module_found, protocol, taskvine


def test_what_the_module_says() -> None:
    assert module_found(Answer(0, "7.14.5\n", "")).detail == "TaskVine 7.14.5"
    missing = module_found(Answer(1, "", "ModuleNotFoundError: No module named 'ndcctools'"))
    assert (missing.state, "apt install" in missing.mend) == ("missing", True)
    broken = module_found(Answer(1, "", "Traceback\nImportError: libcvine.so is not there"))
    assert (broken.state, broken.detail) == ("broken", "ImportError: libcvine.so is not there")


@pytest.mark.parametrize(
    ("version", "first"),
    [
        ("7.14.5", (7, 14)),
        ("7.16.3 FINAL", (7, 14)),
        ("TaskVine 7.17.0", (7, 17)),
        ("8.0", (7, 17)),
        ("7.4.2", ()),
        ("unknown", ()),
    ],
)
def test_versions_that_speak_alike(version: str, first: tuple[int, ...]) -> None:
    assert protocol(version) == first


@pytest.mark.parametrize(
    ("script", "state", "words"),
    [
        ("echo vine_worker version 7.16.1 FINAL", "ok", "7.16.1"),
        ("echo vine_worker version 7.17.2 FINAL", "broken", "is 7.17.2, the module TaskVine 7.14"),
        ("echo libssl.so.3 is not there >&2; exit 127", "broken", "libssl.so.3 is not there"),
    ],
)
def test_the_program_and_the_module_must_speak_alike(
    tmp_path: Path, script: str, state: str, words: str
) -> None:
    program = tmp_path / "vine_worker"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    module = Check("ndcctools", "ok", "TaskVine 7.14.5")
    check = _same_protocol(module, Check("vine_worker", "ok", str(program)))
    assert check.state == state
    assert words in check.detail
    assert (check.mend == "") == (state == "ok")


def test_nothing_is_tried_without_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    section = taskvine()
    assert not section.works
    assert [check.name for check in section.checks] == ["ndcctools", "vine_worker"]
    assert section.checks[1].state == "missing"
    assert "apt install" in section.checks[1].mend
