"""What finds a Python for the program, and the program under an old one."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from condor import glidein
from condor.glidein.trouble import BROKEN, DONE, MACHINE_UNFIT
from tests.condor.glidein.node import Node

SOURCES = sorted(Path(glidein.__file__).parent.glob("*.py"))
OLD = ["python3.6", "python3.7", "python3.8"]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_it_has_the_syntax_and_the_imports_of_an_old_python(path: Path) -> None:
    """Of itself it imports by relative names, which hold in the file that is sent."""
    modules = set(_imported(ast.parse(path.read_text(), feature_version=(3, 6))))
    assert modules <= set(sys.stdlib_module_names) - {"__future__", "dataclasses"}


def _imported(tree: ast.AST) -> Iterator[str]:
    for found in ast.walk(tree):
        if isinstance(found, ast.Import):
            yield from (name.name.partition(".")[0] for name in found.names)
        elif isinstance(found, ast.ImportFrom) and not found.level:
            yield str(found.module).partition(".")[0]


@pytest.mark.parametrize("name", OLD)
def test_a_life_under_an_old_python(node: Node, name: str) -> None:
    """The worker's Python is another."""
    asked = [name, "-c", "import sys; print(sys.executable, sys.version_info[:2])"]
    choice = os.environ | {"PYENV_VERSION": name.removeprefix("python")}  # Where pyenv has it.
    try:
        answer = subprocess.run(
            asked, check=True, capture_output=True, text=True, timeout=30, env=choice
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip(f"there is no {name} here")
    (node.bin / "python3").unlink()
    (node.bin / "python3").symlink_to(answer.stdout.split()[0])
    node.variables["HOME"] = os.environ.get("HOME", "/")
    status, output = node.run()
    assert status == DONE, output


def test_a_node_without_any_python(node: Node) -> None:
    text = node.stub.read_text().replace("/usr/bin/python3 /usr/libexec/platform-python", "")
    node.stub.write_text(text)
    node.link("dirname", "uname")
    (node.bin / "python3").unlink()
    status, output = node.run("--python", "")
    assert (status, "no Python 3.6 or newer on" in output) == (MACHINE_UNFIT, True)
    # An archive is unpacked by the node's; an image lacks it everywhere.
    assert node.run("--python", "", "--packed", "--archive", "x")[0] == MACHINE_UNFIT
    status, output = node.run("--python", "", "--packed")
    assert (status, "no Python 3.6 or newer in the image" in output) == (BROKEN, True)
