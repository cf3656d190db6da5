"""Pythons that are not what the worker needs, and environments that are sent."""

from __future__ import annotations

import json
import sys
import tarfile
from pathlib import Path

from condor.glidein.trouble import BROKEN, DONE, MACHINE_UNFIT
from tests.condor.glidein.node import VERSION, Node


def test_a_python_of_another_version(node: Node) -> None:
    status, output = node.run("--python-version", "3.6")
    assert status == MACHINE_UNFIT
    assert f"is Python {VERSION}, the manager's is 3.6" in output
    status, output = node.run("--python-version", "3.6", "--packed")
    assert status == BROKEN
    assert "in what the job brings along" in output


def test_a_python_without_what_the_worker_needs(node: Node) -> None:
    node.program(
        "bare",
        f"[ \"$1\" = -c ] && echo '{json.dumps({'python': VERSION, 'missing': ['msgspec']})}'",
    )
    status, output = node.run("--python", str(node.bin / "bare"))
    assert status == MACHINE_UNFIT
    assert "bare has no msgspec" in output


def test_no_such_python_and_no_vine_worker(node: Node) -> None:
    status, output = node.run("--python", "/nowhere/python")
    assert (status, "no Python /nowhere/python" in output) == (MACHINE_UNFIT, True)
    (node.bin / "vine_worker").unlink()
    node.link("dirname")
    status, output = node.run()
    assert (status, "no vine_worker" in output) == (MACHINE_UNFIT, True)


def test_an_environment_that_is_sent(node: Node, tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    (environment / "bin").mkdir(parents=True)
    python = environment / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    unpacked = environment / "bin" / "conda-unpack"
    unpacked.write_text("import pathlib; print(pathlib.Path('fixed').write_text('yes'))")
    with tarfile.open(node.scratch / "env.tar.gz", "w:gz") as archive:
        archive.add(environment, arcname=".")
    status, output = node.run("--python", "", "--archive", "env.tar.gz", "--packed")
    assert status == DONE, output
    assert (node.scratch / "fixed").exists()
    status, output = node.run("--python", "bin/other", "--archive", "env.tar.gz")
    assert (status, "holds no" in output) == (BROKEN, True)
    (node.scratch / "env.tar.gz").write_text("no archive")
    status, output = node.run("--archive", "env.tar.gz")
    assert (status, "cannot be unpacked" in output) == (BROKEN, True)
