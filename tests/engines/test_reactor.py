from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest

from pcm.engines.reactor import Reactor


@pytest.fixture
def reactor() -> Iterator[Reactor]:
    reactor = Reactor()
    yield reactor
    reactor.close()


def test_waking_ends_the_wait_that_comes(reactor: Reactor) -> None:
    waker = threading.Thread(target=reactor.wake)
    waker.start()
    assert reactor.wait(60.0) == []
    waker.join()


def test_waking_after_the_end_writes_to_nobodys_file(reactor: Reactor) -> None:
    reactor.close()
    files = [os.eventfd(0, os.EFD_NONBLOCK) for _ in range(4)]  # They take the numbers freed.
    reactor.wake()
    try:
        for file in files:
            with pytest.raises(BlockingIOError):
                os.eventfd_read(file)
    finally:
        for file in files:
            os.close(file)


def test_who_wakes_while_it_is_closed_is_in_time_or_too_late(reactor: Reactor) -> None:
    begun = threading.Event()

    def wake_often() -> None:
        begun.set()
        for _ in range(1000):
            reactor.wake()

    waker = threading.Thread(target=wake_often)
    waker.start()
    begun.wait()
    reactor.close()
    waker.join()
    reactor.close()


def test_what_was_unwatched_in_the_same_turn_is_not_called(reactor: Reactor) -> None:
    pipes = [os.pipe(), os.pipe()]
    called = []

    def call(this: int, other: int) -> None:
        called.append(this)
        reactor.unwatch(other)

    (one, one_in), (two, two_in) = pipes
    reactor.watch(one, lambda _: call(one, two))
    reactor.watch(two, lambda _: call(two, one))
    os.write(one_in, b"x")
    os.write(two_in, b"x")
    assert reactor.wait(0.0) == []
    assert len(called) == 1
    for pair in pipes:
        for file in pair:
            reactor.unwatch(file)
            os.close(file)
