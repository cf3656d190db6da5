"""What is done about files of models: who is brought which, and how. Workers are named."""

from __future__ import annotations

from typing import NamedTuple


class Piece(NamedTuple):
    """Send the worker what comes next of the manager's own file, from ``offset`` on."""

    number: int
    worker: str
    digest: str
    offset: int


class Publish(NamedTuple):
    """Have the worker, which has the file, give it to TaskVine, for others to fetch."""

    number: int
    worker: str
    digest: str


class Fetch(NamedTuple):
    """Have the worker fetch the file from one that published or fetched it."""

    number: int
    worker: str
    digest: str


class Forget(NamedTuple):
    """Nobody is to fetch what was published of the file so far; it is published anew, if at all."""

    digest: str


class GiveUp(NamedTuple):
    """The worker cannot be brought the file."""

    worker: str
    digest: str
    problem: str


Call = Piece | Publish | Fetch
Move = Call | Forget | GiveUp
