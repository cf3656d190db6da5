"""The three provisioners, each with a manager that it serves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from sys import executable
from typing import NamedTuple

import pcm
from evaluations.glideins.dilation import dilated
from evaluations.glideins.factory import Factory
from evaluations.glideins.plan import MOST


class Served(NamedTuple):
    """A manager with a provisioner, which is told of every run."""

    manager: pcm.Manager
    works_on: Callable[[pcm.Run], None]


Provisioner = Callable[[Path, float], AbstractContextManager[Served]]
"""Given a directory of its own that HTCondor can read, and the dilation factor."""


@contextmanager
def by_pcm(directory: Path, dilation_factor: float) -> Iterator[Served]:
    with _glideins(0, directory, dilation_factor) as served:
        yield served


@contextmanager
def fixed(directory: Path, dilation_factor: float) -> Iterator[Served]:
    """As many as there can be, from beginning to end."""
    with _glideins(MOST, directory, dilation_factor) as served:
        yield served


@contextmanager
def by_factory(directory: Path, dilation_factor: float) -> Iterator[Served]:
    with dilated(dilation_factor), pcm.Manager("taskvine", workers=0, listen=0) as manager:
        factory = Factory(manager, directory / "factory", dilation_factor)
        try:
            yield Served(manager, factory.works_on)
        finally:
            factory.close()


@contextmanager
def _glideins(least: int, directory: Path, dilation_factor: float) -> Iterator[Served]:
    class_ = pcm.Glideins(
        name="any",
        most=MOST,
        least=least,
        memory="200 MB",
        disk="100 MB",
        grace="5 s",
        python=executable,
        check_gpus=False,
    )
    with (
        dilated(dilation_factor),
        pcm.Manager(
            "taskvine", glideins=[class_], home=directory / "home", host="127.0.0.1"
        ) as manager,
    ):
        yield Served(manager, lambda _: None)


PROVISIONERS: dict[str, Provisioner] = {"pcm": by_pcm, "fixed": fixed, "factory": by_factory}
