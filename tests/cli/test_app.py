from __future__ import annotations

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

import pcm
from pcm.cli import exits
from pcm.cli.app import app

VERBS = (
    "run",
    "batch",
    "resume",
    "worker",
    "status",
    "report",
    "doctor",
    "events",
    "pause",
    "unpause",
    "cancel",
    "retry",
    "drain",
)


def test_help_names_every_verb() -> None:
    shown = CliRunner().invoke(app, ["--help"])
    assert shown.exit_code == 0
    for name in VERBS:
        assert f"\n  {name} " in shown.stdout


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_explains_itself(name: str) -> None:
    shown = CliRunner().invoke(app, [name, "--help"])
    assert shown.exit_code == 0
    assert name == "worker" or "--json" in shown.stdout


def test_the_version() -> None:
    shown = CliRunner().invoke(app, ["--version"])
    assert (shown.exit_code, shown.stdout) == (0, f"pcm {pcm.__version__}\n")


@pytest.mark.parametrize(
    "arguments",
    [["rnu"], ["run", "--warkers", "2"], ["run", "x.yaml", "--workers", "0"], ["resume"], ["run"]],
)
def test_wrong_usage_gives_2(arguments: list[str]) -> None:
    shown = CliRunner().invoke(app, arguments)
    assert shown.exit_code == exits.BAD_INPUT
    assert shown.stderr


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys, json\n"
        "from pcm.cli import main\n"
        "sys.argv = ['pcm', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    modules = set(json.loads(answer.stderr))
    heavy = {"torch", "transformers", "pydantic", "numpy", "msgspec", "yaml", "rich", "sqlite3"}
    assert not modules & heavy
