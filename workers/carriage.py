"""How TaskVine carries the messages: what the manager's side and a worker agree on besides them.

A worker is one ``vine_worker`` whose single library is our host. A *call* is a TaskVine task that
needs this library and is pinned to its worker by a feature. Its command holds a frame of orders,
or names the file that does; its standard output is an *answer*, a frame of reports. Calls of one
worker run at the same time and in no fixed order, so orders and answers are numbered, each side's
from 0, and the other side handles them in that order.

A worker has ``FUNCTION_SLOTS`` calls at most, since TaskVine keeps back what is beyond them, in no
fixed order either, and the next in order could be among it.

Both are base64 where TaskVine takes text. Output of up to 1 KB travels with the message that says
that a task is done, so most calls cost one message there and one back; the pickles and files of
TaskVine's own ``FunctionCall`` would cost three times as many.
"""

from __future__ import annotations

import base64
import re
import sys
from typing import Literal, NamedTuple

from workers.protocol import Order, Report, decode_orders, decode_reports, encode

LIBRARY = "pcm"
"""Name of the one library."""
WORKER_FEATURE = "pcm-worker"
"""A worker without it is never sent the library."""
FUNCTION_SLOTS = 64
"""Calls that one worker can have at a time."""
BATCH_CALLS = 32
"""How many of them may wait for a batch; batches beyond that are brought by brief calls."""
BRIEF_CALLS = 16
STAGING_CALLS = 8
"""Calls that bring, fetch or publish files (see ``Staging``), beside the others."""
EVENTS = "events"
"""The command that is answered when the worker has something to say."""
INPUT_FILE = "orders"
"""Name in a call's sandbox of the file that holds its frame."""
INLINE_BYTES = 1 << 16
"""Frames up to this size travel in the command."""
CARRIAGE_VERSION = 1
"""What a launcher and the library that the manager sends must agree on."""
VERSION_VARIABLE = "PCM_LAUNCHER_VERSION"

_NUMBER_BYTES = 8


class CarriageError(ValueError):
    """What arrived is not a call or an answer."""


class Identity(NamedTuple):
    """What a worker says of itself when it joins: the free text of ``vine_worker --arch``."""

    worker: str
    python: str
    """Minor version, such as 3.13: user code is pickled for one."""
    version: int
    """``CARRIAGE_VERSION`` of its launcher."""
    pool: str = ""
    """The pool that it belongs to, if whoever started it said so."""

    def text(self, machine: str) -> str:
        text = f"{machine}/pcm={self.worker}/python={self.python}/launcher={self.version}"
        return f"{text}/pool={self.pool}" if self.pool else text


_IDENTITY = re.compile(
    r"[^/]*/pcm=([\w.@+-]+)/python=(\d+\.\d+)/launcher=(\d+)(?:/pool=([\w.:@+-]+))?"
)


def identity(text: str) -> Identity | None:
    """None if it is no worker of ours."""
    match = _IDENTITY.match(text)
    if match is None:
        return None
    worker, python, version, pool = match.groups()
    return Identity(worker, python, int(version), pool or "")


def python_version() -> str:
    """The minor version of this Python."""
    return "{}.{}".format(*sys.version_info[:2])


def pin(worker: str) -> str:
    """The feature that only this worker has."""
    return f"pcm={worker}"


# -- calls ---------------------------------------------------------------------------------------


class Call(NamedTuple):
    """What a call brings."""

    number: int
    orders: list[Order]
    brief: bool
    """Whether it is answered at once; else when the one batch that it brings has ended."""


def call_frame(call: Call) -> bytes:
    return call.number.to_bytes(_NUMBER_BYTES, "big") + bytes([call.brief]) + encode(call.orders)


def open_call(frame: bytes) -> Call:
    """Raises CarriageError."""
    try:
        number, brief = _number(frame), bool(frame[_NUMBER_BYTES])
        return Call(number, decode_orders(frame[_NUMBER_BYTES + 1 :]), brief)
    except (ValueError, IndexError) as error:
        raise CarriageError(f"not a frame of orders: {error}") from error


def command(frame: bytes) -> str:
    """The command of a call with a frame that is small enough for it."""
    return "call:" + base64.b64encode(frame).decode()


FILE_COMMAND = "file:" + INPUT_FILE


def inline_frame(text: str) -> bytes | None:
    """The frame in a command; None if it is in a file. Raises CarriageError."""
    kind, _, rest = text.partition(":")
    if kind == "file":
        return None
    try:
        if kind != "call":
            raise ValueError(f"a call of kind {kind!r}")
        return base64.b64decode(rest, validate=True)
    except ValueError as error:
        raise CarriageError(f"not a call: {error}") from error


# -- calls about files ---------------------------------------------------------------------------

STAGED_FILE = "staged"
"""Name of the file in the sandbox of such a call."""
PIECE_BYTES = 8 << 20
"""What one piece holds at most. The manager serves one worker at a time, so a piece is what a slow
worker can hold all others up with."""


class Staging(NamedTuple):
    """A call about one file of a context; unlike others it has no number, and no order.

    ``piece``: the sandbox holds the bytes from ``offset`` on. ``fetch``: it holds the whole file,
    which came from another worker. ``publish``: the file is to be put there, for others to fetch.
    Each is answered, by a ``FileState`` among other reports, when that is done.
    """

    kind: Literal["piece", "fetch", "publish"]
    digest: str
    offset: int = 0

    def command(self) -> str:
        return f"{self.kind}:{self.digest}:{self.offset}"


_STAGING = re.compile(r"(piece|fetch|publish):([0-9a-f]{32}):(\d+)")


def staging(text: str) -> Staging | None:
    """None if the command is of another kind."""
    match = _STAGING.fullmatch(text)
    if match is None:
        return None
    return Staging(match[1], match[2], int(match[3]))  # type: ignore[arg-type] # the pattern's


# -- answers -------------------------------------------------------------------------------------


def answer(number: int, reports: list[Report]) -> bytes:
    return base64.b64encode(number.to_bytes(_NUMBER_BYTES, "big") + encode(reports))


def open_answer(text: bytes) -> tuple[int, list[Report]]:
    """Raises CarriageError."""
    try:
        frame = base64.b64decode(text, validate=True)
        return _number(frame), decode_reports(frame[_NUMBER_BYTES:])
    except ValueError as error:
        raise CarriageError(f"not a frame of reports: {error}") from error


def _number(frame: bytes) -> int:
    if len(frame) < _NUMBER_BYTES:
        raise ValueError("it is cut short")
    return int.from_bytes(frame[:_NUMBER_BYTES], "big")
