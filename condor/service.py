"""The process that calls HTCondor's bindings for a manager: ``python -m condor.service``.

They hold the interpreter while they wait for a daemon, for up to 20 s, in which a manager could do
nothing else. Requests come in on standard input and answers go out on standard output, each a
length and MessagePack; it ends when its input does.
"""

from __future__ import annotations

import argparse
import os
import signal
import struct
import sys
from pathlib import Path
from typing import IO, Any

import msgspec

from condor.faults import CondorError
from condor.jobs import JobEvent, JobId
from condor.matching import Demand, Match
from condor.queue import QueuedJob
from condor.schedd import Schedd
from workers.host.processes import set_parent_death_signal

_LENGTH = struct.Struct(">I")


class Submit(msgspec.Struct, frozen=True, tag=True):
    commands: dict[str, str]
    count: int


class Remove(msgspec.Struct, frozen=True, tag=True):
    jobs: list[JobId]
    reason: str
    force: bool


class Look(msgspec.Struct, frozen=True, tag=True):
    run: str


class SetText(msgspec.Struct, frozen=True, tag=True):
    jobs: list[JobId]
    attribute: str
    value: str


class Read(msgspec.Struct, frozen=True, tag=True):
    log: str
    known: int
    """How many events of it the asker has had, perhaps from a service before this one."""


class Ask(msgspec.Struct, frozen=True, tag=True):
    demand: Demand


Request = Submit | Remove | Look | SetText | Read | Ask


class Answer(msgspec.Struct, frozen=True):
    """Of what is here, what was asked for; or ``problem``, with the rest of a CondorError."""

    ids: list[JobId] = []
    jobs: list[QueuedJob] = []
    events: list[JobEvent] = []
    match: Match | None = None
    problem: str = ""
    mend: str = ""
    transient: bool = False


requests: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
answers = msgspec.msgpack.Decoder(Answer)


def write(stream: IO[bytes], message: Request | Answer) -> None:
    body = msgspec.msgpack.encode(message)
    stream.write(_LENGTH.pack(len(body)) + body)
    stream.flush()


def read(stream: IO[bytes]) -> bytes | None:
    """The body of one message; None at the end."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    body = stream.read(length)
    return body if len(body) == length else None


def answer(schedd: Schedd, request: Request) -> Answer:
    try:
        match request:
            case Submit(commands, count):
                return Answer(ids=schedd.submit(commands, count))
            case Remove(jobs, reason, force):
                schedd.remove(jobs, reason, force=force)
            case Look(run):
                return Answer(jobs=schedd.jobs(run))
            case SetText(jobs, attribute, value):
                schedd.set_text(jobs, attribute, value)
            case Read(log, known):
                return Answer(events=schedd.events(Path(log), known))
            case Ask(demand):
                return Answer(match=schedd.match(demand))
    except CondorError as error:
        return Answer(problem=error.problem, mend=error.mend, transient=error.transient)
    return Answer()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parent-pid", type=int, required=True)
    parser.add_argument("--collector", default="")
    parser.add_argument("--schedd", default="")
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Its manager decides when it ends.
    set_parent_death_signal(signal.SIGKILL)
    if os.getppid() != options.parent_pid:
        return
    # What the bindings may print goes where errors go.
    output: Any = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    schedd = Schedd(options.collector, options.schedd)
    while (body := read(sys.stdin.buffer)) is not None:
        write(output, answer(schedd, requests.decode(body)))


if __name__ == "__main__":
    main()
