from __future__ import annotations

from typing import Any, cast

from pcm.manager import Progress, Run
from pcm.watching import watch
from pcm.watching.progress import Display
from tests.watching.test_glideins import status


class Ending:
    """A run that ends after so many looks."""

    def __init__(self, looks: int) -> None:
        self.looks = looks

    def wait(self, timeout: float) -> None:
        self.looks -= 1
        if self.looks >= 0:
            raise TimeoutError

    def progress(self) -> Progress:
        return Progress(10, 5, 0, 0, 1.0, 0.0, None)


class Kept(Display):
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.notes: list[str] = []

    def update(self, progress: Progress, now_seconds: float, glideins: str = "") -> None:
        self.lines.append(glideins)

    def note(self, text: str) -> None:
        self.notes.append(text)


def test_holds_are_told_once_and_glideins_stand_beside_the_figures() -> None:
    shown = Kept()
    held = status("a", held={"no disk": 1})
    looks: list[Any] = [[held], [held], [status("a", queued=1)]]
    watch(cast(Run, Ending(2)), shown, glideins=lambda: looks.pop(0))
    assert shown.notes == ["glideins of class a: 1 held: no disk"]
    assert shown.lines == ["glideins: a 1 held"] * 2 + ["glideins: a 1 queued"]
