from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator

import pytest

from workers.host.loop import READ, WRITE, Loop


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


def test_timers_fire_in_their_order_unless_cancelled(loop: Loop) -> None:
    fired: list[str] = []
    loop.call_later(0.002, loop.stop)
    loop.call_later(0.001, lambda: fired.append("second"))
    loop.call_later(0.0, lambda: fired.append("first"))
    loop.call_later(0.0, lambda: fired.append("never")).cancel()
    loop.run()
    assert fired == ["first", "second"]


def test_descriptors_and_the_end_of_each_turn(loop: Loop) -> None:
    one, other = socket.socketpair()
    seen: list[int] = []
    with one, other:
        loop.watch(other, seen.append)
        loop.after_turn = lambda: seen.append(-1)
        one.send(b"x")
        loop.turn(1.0)
        loop.watch(other, seen.append, READ | WRITE)
        loop.turn(1.0)
        loop.unwatch(other)
        loop.turn(0.0)
    assert seen == [READ, -1, READ | WRITE, -1, -1]


def test_what_was_unwatched_in_a_turn_is_not_called_in_it(loop: Loop) -> None:
    pairs = [socket.socketpair() for _ in range(2)]
    called: list[int] = []

    def watch(index: int) -> None:
        def call(_: int) -> None:
            called.append(index)
            loop.unwatch(pairs[1 - index][1])

        loop.watch(pairs[index][1], call)

    for index in range(2):
        watch(index)
        pairs[index][0].send(b"x")
    loop.turn(1.0)
    assert len(called) == 1
    for pair in pairs:
        for sock in pair:
            sock.close()


def test_signals_are_handled_in_the_loop(loop: Loop) -> None:
    before = signal.getsignal(signal.SIGUSR1)
    heard: list[str] = []

    def hear() -> None:
        heard.append("signal")
        loop.stop()

    loop.on_signal(signal.SIGUSR1, hear)
    os.kill(os.getpid(), signal.SIGUSR1)
    loop.run()
    signal.signal(signal.SIGUSR1, before)
    assert heard == ["signal"]
