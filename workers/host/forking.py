"""What the supervisor and its template say to each other: one message per packet."""

from __future__ import annotations

import msgspec

from workers.protocol import ErrorReport

MAX_PACKET_BYTES = 1 << 16


class Fork(msgspec.Struct, frozen=True, array_like=True, tag="fork"):
    """Import these modules, then fork a replica. The packet carries the replica's socket."""

    number: int
    imports: tuple[str, ...]
    log: str
    ranks: int = 1


class Prepare(msgspec.Struct, frozen=True, array_like=True, tag="prepare"):
    """Import these modules, for replicas that will be asked for later."""

    number: int
    imports: tuple[str, ...]


class Prepared(msgspec.Struct, frozen=True, array_like=True, tag="prepared"):
    """They are imported, or cannot be: who asks for a replica will be told why."""

    number: int


class Forked(msgspec.Struct, frozen=True, array_like=True, tag="forked"):
    """The replica's process exists."""

    number: int
    pid: int


class NotForked(msgspec.Struct, frozen=True, array_like=True, tag="not_forked"):
    """A module could not be imported, or the system gave no process."""

    number: int
    error: ErrorReport


class Exited(msgspec.Struct, frozen=True, array_like=True, tag="exited"):
    """A replica's process ended. ``status`` as of wait(2)."""

    pid: int
    status: int
    peak_memory_bytes: int


Request = Fork | Prepare
Answer = Prepared | Forked | NotForked | Exited

encode = msgspec.msgpack.Encoder().encode
decode_request = msgspec.msgpack.Decoder(Request).decode
decode_answer = msgspec.msgpack.Decoder(Answer).decode
