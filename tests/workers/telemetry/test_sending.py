"""A source's side: it connects again, bounds what waits, and trusts only its manager."""

from __future__ import annotations

import os
import socket
import threading
import time

import pytest

from tests.telemetry.listening import PASSWORD, READING, ended, listening, wait_for, window
from workers.protocol import Telemetry
from workers.telemetry import sending
from workers.telemetry.messages import NONCE_BYTES, Challenge, ClockProbe, Welcome, frame
from workers.telemetry.sending import Sender


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(sending, "LONGEST_PAUSE_SECONDS", 0.05)


def no_sender_is_left() -> bool:
    return not [thread for thread in threading.enumerate() if thread.name == "pcm-telemetry-sender"]


def test_what_was_sent_before_there_was_a_manager_comes_when_there_is() -> None:
    said: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    sender = Sender(("127.0.0.1", port), PASSWORD, "agent", ["w1"], say=said.append)
    sender.start()
    sender.send("w1", window())
    wait_for(lambda: said)
    with listening(port=port) as here:
        assert here.next()[1].readings == [READING]
        sender.close()
    assert len(said) == 1
    assert no_sender_is_left()


def test_it_connects_again_when_the_manager_was_away() -> None:
    said: list[str] = []
    with listening() as first:
        address = first.endpoint.address
        sender = Sender(address, PASSWORD, "agent", ["w1"], say=said.append)
        sender.start()
        sender.send("w1", window())
        first.next()
    wait_for(lambda: said)
    with listening(port=address[1]) as second:
        sender.send("w1", window())
        assert second.next()[0] == "w1"
        sender.close()


def test_the_backlog_gives_up_its_oldest() -> None:
    with listening() as here:
        sender = Sender(here.endpoint.address, PASSWORD, "agent", ["w1"], backlog=3)
        for value in range(5):
            sender.send("w1", window(float(value)))
        assert sender.dropped == 2
        sender.start()
        values = [here.next()[1].readings[0][2] for _ in range(3)]
        assert values == [2.0, 3.0, 4.0]
        sender.close()


def test_what_waits_is_sent_before_it_ends() -> None:
    with listening() as here:
        sender = Sender(here.endpoint.address, PASSWORD, "agent", ["w1"])
        sender.start()
        for _ in range(200):
            sender.send("w1", window())
        sender.close(20.0)
        sender.send("w1", window())
        for _ in range(200):
            here.next()
        wait_for(lambda: not here.endpoint.sources())
        assert here.taken.empty()
        sender.close()


def test_a_window_that_is_too_large_is_given_up() -> None:
    with listening() as here:
        sender = Sender(here.endpoint.address, PASSWORD, "agent", ["w1"])
        sender.start()
        sender.send("w1", Telemetry(time.time(), 1.0, [("host.cpu_share", "x" * (1 << 21), 1.0)]))
        sender.send("w1", window())
        assert here.next()[1].readings == [READING]
        assert sender.dropped == 1
        sender.close()


@pytest.mark.parametrize(
    ("answers", "complaint"),
    [
        ([Welcome(b"\0" * 32)], "it does not know the password"),
        ([ClockProbe(1)], "it does not speak as the manager does"),
        ([], "it does not accept this password"),
    ],
)
def test_who_does_not_know_the_password_is_told_nothing(
    answers: list[Welcome | ClockProbe], complaint: str
) -> None:
    said: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        sender = Sender(server.getsockname(), PASSWORD, "agent", ["w1"], say=said.append)
        sender.send("w1", window())
        sender.start()
        connection, _ = server.accept()
        with connection:
            connection.sendall(frame(Challenge(os.urandom(NONCE_BYTES))))
            proof = connection.recv(4096)
            assert PASSWORD not in proof
            for answer in answers:
                connection.sendall(frame(answer))
            if answers:
                assert ended(connection)
            else:
                connection.shutdown(socket.SHUT_WR)
                wait_for(lambda: said)
        sender.close(0.0)
    assert complaint in said[0]
    assert sender.dropped == 0


def test_another_version_is_told_with_what_to_do() -> None:
    said: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        sender = Sender(server.getsockname(), PASSWORD, "agent", ["w1"], say=said.append)
        sender.start()
        connection, _ = server.accept()
        with connection:
            connection.sendall(frame(Challenge(os.urandom(NONCE_BYTES), protocol=99)))
            assert ended(connection)
        sender.close(0.0)
    assert "install the same version of pcm on both sides" in said[0]


def test_it_ends_without_having_begun_and_twice() -> None:
    sender = Sender(("127.0.0.1", 9), PASSWORD, "agent", ["w1"])
    sender.close()
    sender.close()
