"""docs/htcondor.md: its commands can be given, and its examples are those that are tested."""

from __future__ import annotations

import ast
from typing import Any

import pytest
import typer

import pcm
from pcm.cli.app import app
from tests.pages import DOCS, Page

PAGE = Page("htcondor.md")


@pytest.mark.parametrize("words", PAGE.pcm_commands(), ids=" ".join)
def test_a_command_can_be_given(words: list[str]) -> None:
    """Its verb is there and takes these arguments; nothing is carried out."""
    command: Any = typer.main.get_command(app)
    rest, context = list(words), None
    while hasattr(command, "commands"):
        name = rest.pop(0)
        assert name in command.commands, f"there is no pcm {name}"
        command = command.commands[name]
    if rest:  # Without any, a verb is only spoken of.
        context = command.make_context(words[0], rest)
        assert context is not None


def test_run_files_are_the_examples() -> None:
    examples = [path.read_text() for path in (DOCS / "examples").glob("*.yaml")]
    shown = PAGE.blocks("yaml")
    assert len(shown) >= 2
    assert [part for part in shown if not any(part in example for example in examples)] == []


def test_classes_in_python_can_be_declared() -> None:
    declared = []
    for block in PAGE.blocks("python"):
        for statement in ast.parse(block).body:
            if isinstance(statement, ast.Assign):
                scope: dict[str, Any] = {"pcm": pcm}
                exec(ast.unparse(statement), scope)
                declared += scope["classes"]
    assert declared
    assert all(isinstance(one, pcm.Glideins) for one in declared)
