"""What the engine and its driver process say to each other, in frames over a socket pair."""

from __future__ import annotations

import msgspec


class Message(msgspec.Struct, frozen=True, array_like=True, tag=str):
    """Base of all messages."""


# -- to the driver -------------------------------------------------------------------------------


class Submit(Message, frozen=True):
    """Make a call: a frame of orders (see ``workers.carriage``), or, if empty, one for events."""

    worker: str
    call: int
    frame: bytes = b""


class SendPiece(Message, frozen=True):
    """Make a call that brings a worker what is next of a file (see ``workers.carriage.Staging``).

    The file at ``path`` must be as it was when the run began: its size, and the time when it was
    last written.
    """

    worker: str
    call: int
    digest: str
    offset: int
    path: str
    size_bytes: int
    modified_ns: int


class PublishFile(Message, frozen=True):
    """Make a call that has a worker give a file of its store to TaskVine."""

    worker: str
    call: int
    digest: str


class FetchFile(Message, frozen=True):
    """Make a call that has a worker fetch a file which another has published."""

    worker: str
    call: int
    digest: str


class ForgetFile(Message, frozen=True):
    """What is published of a file is not fetched any more; calls that wait for it fail."""

    digest: str


class Kill(Message, frozen=True):
    """End a worker that may not hear: its library, and with it the rest."""

    worker: str


class Stop(Message, frozen=True):
    """Let all workers go, and end."""


# -- from the driver -----------------------------------------------------------------------------


class Listening(Message, frozen=True):
    """TaskVine's manager is there, and workers may come."""

    port: int
    version: str


class Joined(Message, frozen=True):
    """A worker is connected; ``identity`` is what it says of itself."""

    identity: str
    host: str
    address: str


class Left(Message, frozen=True):
    """A worker's connection has ended; its calls are forgotten."""

    worker: str


class Answered(Message, frozen=True):
    """A call is done; ``text`` is what it wrote (see ``workers.carriage``)."""

    worker: str
    call: int
    text: bytes


class Failed(Message, frozen=True):
    """A call came back without an answer, which ends its worker."""

    worker: str
    call: int
    why: str


class NotStaged(Message, frozen=True):
    """A call about a file came back without an answer; the worker is as it was.

    ``changed``: the manager's own file is not what it was.
    """

    worker: str
    call: int
    why: str
    changed: bool = False


class Trouble(Message, frozen=True):
    """The driver cannot work, and ends."""

    problem: str


ToDriver = Submit | SendPiece | PublishFile | FetchFile | ForgetFile | Kill | Stop
FromDriver = Listening | Joined | Left | Answered | Failed | NotStaged | Trouble

_encoder = msgspec.msgpack.Encoder()
_to_driver = msgspec.msgpack.Decoder(list[ToDriver])
_from_driver = msgspec.msgpack.Decoder(list[FromDriver])


def encode(messages: list[ToDriver] | list[FromDriver]) -> bytes:
    """A frame's body."""
    return _encoder.encode(messages)


def decode_to_driver(body: bytes) -> list[ToDriver]:
    """Raises msgspec.MsgspecError."""
    return _to_driver.decode(body)


def decode_from_driver(body: bytes) -> list[FromDriver]:
    """Raises msgspec.MsgspecError."""
    return _from_driver.decode(body)
