"""Requests to a manager at work and its answer, as JSON, one object on a line each.

A request is about the run ``run``, named as its sitting is (``Note.run``), so that one which was
meant for a manager that is gone is never heeded by the next. ``by`` says through what it was asked:
``cli``, ``dashboard``; as which user, the system tells.
"""

from __future__ import annotations

from typing import Annotated, TypeVar

import msgspec

from pcm.errors import InputError
from pcm.journal.entries import ActionKind

T = TypeVar("T")

LINE_BYTES = 1 << 16
"""No line is longer."""

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
By = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9 _-]{0,31}$")]


class Request(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="action", forbid_unknown_fields=True
):
    """Base of all requests."""

    run: Name
    by: By = "cli"


class Pause(Request, frozen=True, tag="pause"):
    """Send nothing more of the run; what runs goes on to its end."""


class Unpause(Request, frozen=True, tag="unpause"):
    """Go on with the run."""


class Cancel(Request, frozen=True, tag="cancel"):
    """Stop the run for now; what is done is kept."""


class RetryFailed(Request, frozen=True, tag="retry_failed"):
    """Try failed and quarantined items of the run again."""


class Drain(Request, frozen=True, tag="drain"):
    """Give a worker nothing more, and let it go when it has ended what it has."""

    worker: Name


AnyRequest = Pause | Unpause | Cancel | RetryFailed | Drain

_OF_RUN: dict[ActionKind, type[Pause | Unpause | Cancel | RetryFailed]] = {
    "pause": Pause,
    "unpause": Unpause,
    "cancel": Cancel,
    "retry_failed": RetryFailed,
}


class Answer(msgspec.Struct, frozen=True):
    """Whether what was asked for is done, or begun, and what came of it, for people. ``items``: how
    many failed ones are tried again."""

    done: bool
    text: str
    items: int = 0


_requests: msgspec.json.Decoder[AnyRequest] = msgspec.json.Decoder(AnyRequest)
_answers = msgspec.json.Decoder(Answer)


def request(action: str, run: str, worker: str = "", by: str = "cli") -> AnyRequest:
    """Raises InputError for what is none: an unknown action, a drain without a worker."""
    if action == "drain":
        if not worker:
            raise InputError("drain is of one worker", field="worker", mend="name it")
        made: AnyRequest = Drain(run=run, by=by, worker=worker)
    elif action in _OF_RUN:
        if worker:
            raise InputError(f"{action} is not about a worker", field="worker", mend="leave it out")
        made = _OF_RUN[action](run=run, by=by)
    else:
        known = ", ".join([*_OF_RUN, "drain"])
        raise InputError(f"no action {action!r}", field="action", mend=f"give one of {known}")
    try:
        return read_request(line(made))
    except ValueError as error:
        raise InputError(str(error)) from error


def line(message: AnyRequest | Answer) -> bytes:
    return msgspec.json.encode(message) + b"\n"


def read_request(text: bytes) -> AnyRequest:
    """Raises ValueError for what is no request."""
    return _decoded(_requests, text)


def read_answer(text: bytes) -> Answer:
    """Raises ValueError for what is no answer."""
    return _decoded(_answers, text)


def _decoded(decoder: msgspec.json.Decoder[T], text: bytes) -> T:
    try:
        return decoder.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ValueError(f"is no message: {error}") from error
