"""Between a source of telemetry (an agent, an observer) and the manager's endpoint.

Frames are as in ``workers/protocol.py``, but smaller. The manager begins with a Challenge, the
source answers with its Proof, the manager with its own in a Welcome: nothing else is read before.
Then the source says who it is, and sends; the manager probes the source's clock now and then.
"""

from __future__ import annotations

import msgspec

from workers.protocol import LENGTH_BYTES, Message, Telemetry

PROTOCOL_VERSION = 1
MAX_FRAME_BYTES = 1 << 20
MAX_IDENTIFYING_BYTES = 1 << 10
"""Of a frame from somebody who has not proved to know the password."""
NONCE_BYTES = 32


class Challenge(Message, frozen=True):
    """From the manager."""

    nonce: bytes
    protocol: int = PROTOCOL_VERSION


class Proof(Message, frozen=True):
    """From the source: that it knows the password, and its own challenge."""

    nonce: bytes
    proof: bytes
    protocol: int = PROTOCOL_VERSION


class Welcome(Message, frozen=True):
    """From the manager: that it knows the password too."""

    proof: bytes


class SourceHello(Message, frozen=True):
    """Who the source is, and the workers that it may speak of. One name, one connection: a new one
    takes the place of the old."""

    name: str
    workers: list[str]


class WorkerTelemetry(Message, frozen=True):
    """What was read of a worker; all times by the source's clock, in seconds since 1970."""

    worker: str
    sent_seconds: float
    telemetry: Telemetry


class ClockProbe(Message, frozen=True):
    """From the manager: to be answered at once."""

    number: int


class ClockAnswer(Message, frozen=True):
    """When the probe came and when this left, by the source's clock."""

    number: int
    received_seconds: float
    replied_seconds: float


FromManager = Challenge | Welcome | ClockProbe
FromSource = Proof | SourceHello | WorkerTelemetry | ClockAnswer

_encoder = msgspec.msgpack.Encoder()
_from_manager = msgspec.msgpack.Decoder(list[FromManager])
_from_source = msgspec.msgpack.Decoder(list[FromSource])


def frame(message: Message) -> bytes:
    """One message as it goes over the wire, with its length."""
    body = _encoder.encode([message])
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


def from_manager(body: bytes) -> list[FromManager]:
    """Raises msgspec.ValidationError or DecodeError."""
    return _from_manager.decode(body)


def from_source(body: bytes) -> list[FromSource]:
    """Raises msgspec.ValidationError or DecodeError."""
    return _from_source.decode(body)
