"""Identities, calls and answers: what goes in comes out, and what is none is refused."""

from __future__ import annotations

import pytest

from workers import carriage
from workers.protocol import CancelBatch, DropContext, Goodbye, Notice, Order, Report


def test_a_worker_may_say_which_pool_it_belongs_to() -> None:
    identity = carriage.Identity("g.a.1.0", "3.13", 1, "glidein:a")
    assert carriage.identity(identity.text("x86_64")) == identity
    assert carriage.identity("x86_64/pcm=w/python=3.13/launcher=1") == ("w", "3.13", 1, "")


def test_an_identity_survives_the_text() -> None:
    identity = carriage.Identity("node-7.example.org-12.3", "3.13", 4)
    text = identity.text("x86_64")
    assert " " not in text
    assert carriage.identity(text) == identity


@pytest.mark.parametrize("text", ["x86_64", "", "x86_64/pcm=/python=3.1/launcher=1", "pcm=a"])
def test_others_have_no_identity(text: str) -> None:
    assert carriage.identity(text) is None


@pytest.mark.parametrize("brief", [True, False])
def test_a_call_survives_the_command(brief: bool) -> None:
    orders: list[Order] = [DropContext("c"), CancelBatch(3)]
    call = carriage.Call(1 << 40, orders, brief)
    command = carriage.command(carriage.call_frame(call))
    assert " " not in command
    frame = carriage.inline_frame(command)
    assert frame is not None
    assert carriage.open_call(frame) == call


def test_a_command_may_name_a_file() -> None:
    assert carriage.inline_frame(carriage.FILE_COMMAND) is None


@pytest.mark.parametrize("command", ["", "call:%", "other:abcd"])
def test_what_is_no_command_is_refused(command: str) -> None:
    with pytest.raises(carriage.CarriageError):
        carriage.inline_frame(command)


@pytest.mark.parametrize("frame", [b"", b"12345678", b"12345678\0\xff"])
def test_what_is_no_call_is_refused(frame: bytes) -> None:
    with pytest.raises(carriage.CarriageError):
        carriage.open_call(frame)


def test_an_answer_survives_the_text() -> None:
    reports: list[Report] = [Notice(3.0), Goodbye("evicted")]
    assert carriage.open_answer(carriage.answer(5, reports)) == (5, reports)


@pytest.mark.parametrize("text", [b"", b"AAAA", b"%", b"Traceback (most recent call last):"])
def test_what_is_no_answer_is_refused(text: bytes) -> None:
    with pytest.raises(carriage.CarriageError):
        carriage.open_answer(text)
