"""The manager's telemetry endpoint over real connections: who gets in, and what it bears."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import pytest

from pcm.errors import InputError
from pcm.telemetry.endpoint import Endpoint
from pcm.telemetry.refusals import Cause
from pcm.telemetry.source import PROBES_AT_ONCE, Limits
from tests.telemetry.listening import (
    PASSWORD,
    READING,
    Listening,
    ended,
    listening,
    wait_for,
    window,
)
from workers.protocol import Telemetry
from workers.telemetry.sending import Sender


@contextlib.contextmanager
def sending(here: Listening, name: str = "agent", password: bytes = PASSWORD) -> Iterator[Sender]:
    sender = Sender(here.endpoint.address, password, name, ["w1"], say=lambda _: None)
    sender.start()
    try:
        yield sender
    finally:
        sender.close(0.5)


def test_what_is_sent_is_taken_by_the_managers_clock() -> None:
    ahead = 5000.0
    with listening() as here:
        sender = Sender(
            here.endpoint.address,
            PASSWORD,
            "agent",
            ["w1"],
            clock=lambda: window().end_seconds + ahead,
        )
        sender.start()
        told = window()
        sent = Telemetry(told.end_seconds + ahead, 1.0, told.readings)
        sender.send("w1", sent)
        worker, telemetry, received = here.next()
        wait_for(lambda: [s for s in here.endpoint.sources() if s.error_seconds < 1.0])
        sender.send("w1", sent)
        _, later, _ = here.next()
        sender.close()
    assert worker == "w1"
    assert telemetry.readings == [READING]
    assert told.end_seconds - 1 < telemetry.end_seconds <= received
    assert later.end_seconds == pytest.approx(told.end_seconds, abs=0.5)
    assert here.endpoint.refused() == {}


def test_it_keeps_a_clock_for_each_source() -> None:
    offset = -30.0
    with listening() as here:
        one = Sender(here.endpoint.address, PASSWORD, "one", ["w1"])
        other = Sender(
            here.endpoint.address,
            PASSWORD,
            "other",
            ["w2", "w3"],
            clock=lambda: window().end_seconds + offset,
        )
        one.start()
        other.start()
        known = wait_for(
            lambda: (
                [s for s in here.endpoint.sources() if s.error_seconds < 1.0][1:]
                and {source.name: source for source in here.endpoint.sources()}
            )
        )
        now = window().end_seconds
        told, error = here.endpoint.to_manager("other", now + offset) or (0.0, 0.0)
        assert abs(told - now) <= error
        assert here.endpoint.to_manager("nobody", 0.0) is None
        one.close()
        other.close()
    assert known["other"].workers == {"w2", "w3"}
    for name, expected in (("one", 0.0), ("other", offset)):
        wrong = abs(known[name].offset_seconds - expected)
        assert wrong <= known[name].error_seconds


@pytest.mark.parametrize("password", [b"another", b""])
def test_another_password_is_refused_and_counted(password: bytes) -> None:
    with listening() as here, sending(here, password=password) as sender:
        sender.send("w1", window())
        wait_for(lambda: here.endpoint.refused().get(Cause.PASSWORD))
        assert here.endpoint.sources() == []
        assert here.taken.empty()
        assert len(here.said) == 1


def test_who_says_nothing_is_closed_on() -> None:
    limits = Limits(identify_seconds=0.2)
    with listening(limits=limits) as here, socket.create_connection(here.endpoint.address) as sock:
        assert ended(sock)
        assert here.endpoint.refused() == {Cause.SLOW: 1}


def test_what_is_no_frame_is_closed_on() -> None:
    with listening() as here, socket.create_connection(here.endpoint.address) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert ended(sock)
        assert here.endpoint.refused() == {Cause.FRAME: 1}


def test_only_so_many_may_be_unknown_at_once_and_others_are_let_in_afterwards() -> None:
    with listening(limits=Limits(unidentified=2)) as here, contextlib.ExitStack() as stack:
        idle = [
            stack.enter_context(socket.create_connection(here.endpoint.address)) for _ in range(2)
        ]
        for sock in idle:
            sock.settimeout(20)
            assert sock.recv(1)
        with socket.create_connection(here.endpoint.address) as sock:
            assert ended(sock)
        assert here.endpoint.refused() == {Cause.FULL: 1}
        for sock in idle:
            sock.close()
        sender = stack.enter_context(sending(here))
        sender.send("w1", window())
        assert here.next()[0] == "w1"


def test_only_so_many_sources() -> None:
    with listening(limits=Limits(sources=1)) as here, sending(here, "one"):
        wait_for(here.endpoint.sources)
        with sending(here, "two"):
            wait_for(lambda: here.endpoint.refused().get(Cause.FULL))
        assert [source.name for source in here.endpoint.sources()] == ["one"]


def test_a_new_connection_takes_the_place_of_the_old() -> None:
    with listening() as here:
        sender = Sender(here.endpoint.address, PASSWORD, "agent", ["w1"], say=lambda _: None)
        sender.start()
        wait_for(here.endpoint.sources)
        with sending(here):
            wait_for(lambda: len(here.endpoint.sources()) == 1 and sender._said)
        sender.close(0.5)


def test_clocks_are_learned_while_nothing_is_sent() -> None:
    with listening() as here, sending(here):
        wait_for(lambda: [s for s in here.endpoint.sources() if s.error_seconds < 0.1])
        with here.endpoint._lock:
            (source,) = here.endpoint._connections.values()
        wait_for(lambda: source.clock.exchanges > PROBES_AT_ONCE)


def test_a_fault_in_taking_is_told_and_ends_nothing() -> None:
    taken = []

    def take(*what: object) -> None:
        taken.append(what)
        if len(taken) == 1:
            raise RuntimeError("a fault")

    with listening(take=take) as here, sending(here) as sender:
        sender.send("w1", window())
        sender.send("w1", window())
        wait_for(lambda: len(taken) == 2)
        assert here.endpoint.refused() == {Cause.FAULT: 1}
        assert "a fault" in here.said[0]


def test_it_ends_without_having_begun_and_twice() -> None:
    endpoint = Endpoint(PASSWORD, lambda *_: None)
    assert endpoint.address[0] == "127.0.0.1"
    endpoint.close()
    endpoint.close()


def test_an_address_that_cannot_be_listened_on_is_bad_input() -> None:
    with listening() as here:
        port = here.endpoint.address[1]
        with pytest.raises(InputError, match=rf"telemetry: cannot listen on 127.0.0.1:{port}: .*"):
            Endpoint(PASSWORD, lambda *_: None, port=port)
    with pytest.raises(InputError, match="give an address of this machine"):
        Endpoint(PASSWORD, lambda *_: None, host="192.0.2.1")
    with pytest.raises(InputError, match="the telemetry password is empty"):
        Endpoint(b"", lambda *_: None)
