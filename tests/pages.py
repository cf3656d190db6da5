"""What a page of the documentation shows: commands with their output, and code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

DOCS = Path(__file__).parents[1] / "docs"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`(pcm [^`]+)`")


class Shown(NamedTuple):
    """A command, without its prompt, and the lines of its output."""

    command: str
    output: list[str]


class Page:
    def __init__(self, name: str) -> None:
        self.text = (DOCS / name).read_text()
        self._blocks = _BLOCK.findall(self.text)

    def blocks(self, language: str) -> list[str]:
        """The code blocks in a language, in order."""
        return [content for kind, content in self._blocks if kind == language]

    def sessions(self) -> list[Shown]:
        """The commands in console blocks, in order."""
        shown: list[Shown] = []
        for line in "".join(self.blocks("console")).splitlines():
            if line.startswith("$ "):
                shown.append(Shown(line[2:].partition(" #")[0].strip(), []))
            else:
                shown[-1].output.append(line)
        return shown

    def pcm_commands(self) -> list[list[str]]:
        """The words after ``pcm`` of all its commands, in blocks and in the text."""
        in_text = _INLINE.findall(_BLOCK.sub("", self.text).replace("\n", " "))
        in_blocks = [one.command for one in self.sessions()]
        commands = [one.split() for one in in_blocks + in_text]
        return [words[1:] for words in commands if words[0] == "pcm"]
