from __future__ import annotations

from functools import partial
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcm.engines.simulated.clock import Clock
from pcm.engines.simulated.pipe import Pipe


class Scene:
    def __init__(self, rate: float = 10.0, stream_rate: float = inf) -> None:
        self.clock = Clock()
        self.pipe = Pipe(self.clock, rate, stream_rate)
        self.ended: dict[int, float] = {}
        self.stopped: dict[int, float] = {}

    def begin(self, at: float, number: int, size_bytes: float) -> None:
        done = partial(self._done, number)
        self.clock.at(at, lambda: self.pipe.begin(number, size_bytes, done))

    def end(self, at: float, number: int) -> None:
        self.clock.at(at, lambda: self.stopped.update({number: self.pipe.end(number)}))

    def _done(self, number: int) -> None:
        self.ended[number] = self.clock.now

    def run(self) -> dict[int, float]:
        while self.clock.next() is not None:
            self.clock.step()
        return self.ended


def test_streams_share_evenly() -> None:
    scene = Scene()
    scene.begin(0.0, 1, 100.0)
    scene.begin(5.0, 2, 100.0)
    # Alone for 5 s, together for 10, and the second alone again.
    assert scene.run() == {1: 15.0, 2: 20.0}


def test_a_stream_alone_gets_no_more_than_its_own_rate() -> None:
    scene = Scene(rate=10.0, stream_rate=4.0)
    for number in (1, 2):
        scene.begin(0.0, number, 100.0)
    assert scene.run() == {1: 25.0, 2: 25.0}
    scene = Scene(rate=10.0, stream_rate=4.0)
    for number in (1, 2, 3, 4, 5):
        scene.begin(0.0, number, 100.0)
    assert set(scene.run().values()) == {50.0}


def test_one_that_is_stopped_leaves_the_rest_to_others() -> None:
    scene = Scene()
    scene.begin(0.0, 1, 100.0)
    scene.begin(0.0, 2, 100.0)
    scene.end(10.0, 1)
    assert scene.run() == {2: 15.0}
    assert scene.stopped == {1: pytest.approx(50.0)}


def test_a_pipe_that_was_empty_begins_anew() -> None:
    scene = Scene()
    scene.begin(0.0, 1, 10.0)
    scene.begin(100.0, 2, 10.0)
    assert scene.run() == {1: 1.0, 2: 101.0}


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 500)), min_size=1, max_size=20))
def test_what_is_sent_is_what_was_asked_for(streams: list[tuple[int, int]]) -> None:
    """Nobody is done sooner than alone, nor later than behind all others; and the pipe is never
    idle while there is something to send."""
    scene = Scene()
    for number, (at, size) in enumerate(streams):
        scene.begin(float(at), number, float(size))
    ended = scene.run()
    assert len(ended) == len(streams)
    for number, (at, size) in enumerate(streams):
        assert ended[number] >= at + size / 10.0 - 1e-6
    free = 0.0
    for at, size in sorted(streams):
        free = max(free, at) + size / 10.0
    assert max(ended.values()) == pytest.approx(free)
