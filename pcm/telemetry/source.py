"""One source of telemetry as the manager's endpoint has it: who it is, what it may say, its clock.

Bytes in, bytes and telemetry out, time comes in: nothing here waits or has a socket.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from math import isfinite
from typing import NamedTuple

import msgspec

from pcm.telemetry.clocks import Clock
from pcm.telemetry.refusals import Cause, Refusals
from pcm.telemetry.windows import window_of
from workers.protocol import Telemetry
from workers.telemetry.frames import FrameError, Frames
from workers.telemetry.messages import (
    MAX_FRAME_BYTES,
    MAX_IDENTIFYING_BYTES,
    NONCE_BYTES,
    PROTOCOL_VERSION,
    Challenge,
    ClockAnswer,
    ClockProbe,
    FromSource,
    Proof,
    SourceHello,
    Welcome,
    WorkerTelemetry,
    frame,
    from_source,
)
from workers.telemetry.password import is_same, manager_proof, source_proof

PROBES_AT_ONCE, PROBES_OFTEN = 8, 30
OFTEN_SECONDS, SELDOM_SECONDS = 1.0, 4.0
"""Between probes of a clock: the first go at once, then some often, until the drift is known."""
OLDEST_SECONDS = 3600.0
AHEAD_SECONDS = 1.0
"""Windows that ended before or after this are not believed."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the endpoint bears."""

    sources: int = 1024
    unidentified: int = 64
    """Connections that have not proved yet to know the password."""
    identify_seconds: float = 5.0
    silent_seconds: float = 60.0
    """Without an answer to a probe, before a source is taken for gone."""
    messages_per_second: float = 200.0
    burst: float = 1000.0
    """So many messages at once, such as after a broken connection."""
    workers: int = 4096
    """That one source may speak of."""
    name_length: int = 256


class Closing(Exception):
    """The connection is to be closed, for this cause."""

    def __init__(self, cause: Cause, what: str) -> None:
        super().__init__(what)
        self.cause = cause


class Taken(NamedTuple):
    worker: str
    telemetry: Telemetry
    """Its end by the manager's clock; only readings of the catalogue."""
    received_seconds: float


@dataclass(slots=True)
class Turn:
    """What follows from what came."""

    out: bytearray = field(default_factory=bytearray)
    taken: list[Taken] = field(default_factory=list)


class Source:
    """``clock``: the manager's, in seconds since 1970. ``now`` everywhere: of a clock that is never
    set. Raises Closing wherever the connection must end."""

    def __init__(
        self,
        password: bytes,
        clock: Callable[[], float],
        refusals: Refusals,
        now: float,
        limits: Limits,
    ) -> None:
        self.name = ""
        self.workers: frozenset[str] = frozenset()
        self.clock = Clock()
        self.identified = False
        self._password = password
        self._now = clock
        self._refusals = refusals
        self._limits = limits
        self._frames = Frames(MAX_IDENTIFYING_BYTES)
        self._nonce = secrets.token_bytes(NONCE_BYTES)
        self._begun = self._heard = now
        self._allowance, self._allowed_at = limits.burst, now
        self._probe, self._probe_sent, self._probed_at = 0, 0.0, now
        self._is_probing = False

    def greeting(self) -> bytes:
        return frame(Challenge(self._nonce))

    def receive(self, data: bytes, received_seconds: float, now: float) -> Turn:
        """``received_seconds``: by the manager's clock, as soon as the bytes were there."""
        turn = Turn()
        self._frames.feed(data)
        try:
            while (body := self._frames.next()) is not None:
                for message in from_source(body):
                    self._hear(message, received_seconds, now, turn)
        except (FrameError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise Closing(Cause.FRAME, f"{self._who()}: {error}") from None
        return turn

    def due(self, now: float) -> bytes:
        """What is to be sent by now, without anything having come."""
        if not self.identified or not self.name:
            if now - self._begun > self._limits.identify_seconds:
                raise Closing(Cause.SLOW, "it did not prove to know the password in time")
            return b""
        if now - self._heard > self._limits.silent_seconds:
            raise Closing(Cause.SILENT, f"{self._who()} does not answer")
        often = self.clock.exchanges < PROBES_OFTEN
        if now - self._probed_at < (OFTEN_SECONDS if often else SELDOM_SECONDS):
            return b""
        return self._new_probe(now)

    def _hear(self, message: FromSource, received: float, now: float, turn: Turn) -> None:
        if not self.identified:
            turn.out += self._identify(message)
        elif isinstance(message, SourceHello):
            self._introduce(message)
            turn.out += self._new_probe(now)
        elif not self.name:
            raise Closing(Cause.PROTOCOL, "it did not say who it is")
        elif isinstance(message, ClockAnswer):
            self._heard = now
            self._learn(message, received)
            if self.clock.exchanges < PROBES_AT_ONCE and not self._is_probing:
                turn.out += self._new_probe(now)
        elif isinstance(message, WorkerTelemetry):
            if self._is_allowed(now):
                self._take(message, received, turn)
        else:
            raise Closing(Cause.PROTOCOL, f"{self._who()} proves itself twice")

    def _identify(self, message: FromSource) -> bytes:
        if not isinstance(message, Proof):
            raise Closing(Cause.PASSWORD, "it did not prove to know the password")
        if message.protocol != PROTOCOL_VERSION:
            what = f"it speaks version {message.protocol}, this manager {PROTOCOL_VERSION}"
            raise Closing(Cause.PROTOCOL, f"{what}: install the same version of pcm on both sides")
        if len(message.nonce) != NONCE_BYTES:
            raise Closing(Cause.PASSWORD, "its challenge is not as long as it must be")
        if not is_same(message.proof, source_proof(self._password, self._nonce, message.nonce)):
            raise Closing(Cause.PASSWORD, "it has another password: give it this manager's")
        self.identified = True
        self._frames.max_bytes = MAX_FRAME_BYTES
        return frame(Welcome(manager_proof(self._password, self._nonce, message.nonce)))

    def _introduce(self, hello: SourceHello) -> None:
        if self.name:
            raise Closing(Cause.PROTOCOL, f"{self._who()} introduces itself twice")
        longest = max(map(len, (hello.name, *hello.workers)))
        if not hello.name or longest > self._limits.name_length:
            raise Closing(Cause.PROTOCOL, "its name, or a worker's, is empty or too long")
        if len(hello.workers) > self._limits.workers:
            raise Closing(Cause.FULL, f"it speaks of more than {self._limits.workers} workers")
        self.name, self.workers = hello.name, frozenset(hello.workers)

    def _new_probe(self, now: float) -> bytes:
        """An unanswered one is given up: its answer will not be taken."""
        self._probe += 1
        self._probed_at, self._is_probing = now, True
        self._probe_sent = self._now()
        return frame(ClockProbe(self._probe))

    def _learn(self, answer: ClockAnswer, received: float) -> None:
        if not self._is_probing or answer.number != self._probe:
            return
        self._is_probing = False
        self.clock.exchange(
            self._probe_sent, answer.received_seconds, answer.replied_seconds, received
        )

    def _is_allowed(self, now: float) -> bool:
        limits = self._limits
        gained = (now - self._allowed_at) * limits.messages_per_second
        self._allowance = min(limits.burst, self._allowance + gained)
        self._allowed_at = now
        if self._allowance < 1.0:
            most = f"more than {limits.messages_per_second:g} messages a second"
            self._refusals.note(Cause.RATE, f"{self._who()} sends {most}")
            return False
        self._allowance -= 1.0
        return True

    def _take(self, message: WorkerTelemetry, received: float, turn: Turn) -> None:
        if message.worker not in self.workers:
            what = f"{self._who()} speaks of a worker that it had not announced"
            self._refusals.note(Cause.WORKER, what)
            return
        sent = message.telemetry
        self.clock.news(message.sent_seconds, received)
        end = self.clock.to_manager(sent.end_seconds)
        if not (isfinite(end) and -OLDEST_SECONDS <= end - received <= AHEAD_SECONDS):
            self._refusals.note(Cause.TIME, f"{self._who()} tells of another time")
            return
        window = window_of(message.worker, "", sent, end)
        kept = window.readings if window is not None else ()
        if len(kept) < len(sent.readings):
            what = f"{self._who()} sent readings that are not in the catalogue, or no numbers"
            self._refusals.note(Cause.READING, what, len(sent.readings) - len(kept))
        if window is not None:
            readings = [(reading.signal, reading.place, reading.value) for reading in kept]
            telemetry = Telemetry(end, sent.seconds, readings)
            turn.taken.append(Taken(message.worker, telemetry, received))

    def _who(self) -> str:
        return repr(self.name) if self.name else "it"
