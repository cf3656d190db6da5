"""A source's dialogue with the manager, byte by byte: who may speak, of what, and how much."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import inf, nan

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcm.telemetry.refusals import Cause, Refusals
from pcm.telemetry.source import OFTEN_SECONDS, PROBES_AT_ONCE, Closing, Limits, Source, Taken
from workers.protocol import Message, Telemetry
from workers.telemetry.messages import (
    MAX_FRAME_BYTES,
    NONCE_BYTES,
    Challenge,
    ClockAnswer,
    ClockProbe,
    FromManager,
    Proof,
    SourceHello,
    Welcome,
    WorkerTelemetry,
    frame,
    from_manager,
)
from workers.telemetry.password import manager_proof, source_proof

PASSWORD = b"correct horse"
NONCE = bytes(range(NONCE_BYTES))
BEGIN = 1.7e9
READING = ("host.cpu_pressure", "", 0.25)


class Peer:
    """A source whose clock is ``ahead``, over a network that takes ``way_seconds`` each way."""

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        ahead: float = 0.0,
        way_seconds: float = 0.001,
    ) -> None:
        self.said: list[str] = []
        self.refusals = Refusals(self.said.append)
        self.ahead, self.way_seconds = ahead, way_seconds
        self.time = 0.0
        self.source = Source(PASSWORD, self.manager, self.refusals, 0.0, limits or Limits())
        (challenge,) = messages(self.source.greeting())
        assert isinstance(challenge, Challenge)
        self.challenge = challenge

    def manager(self) -> float:
        return BEGIN + self.time

    def own(self) -> float:
        return BEGIN + self.time + self.ahead

    def tell(self, *told: Message | bytes) -> tuple[list[FromManager], list[Taken]]:
        data = b"".join(one if isinstance(one, bytes) else frame(one) for one in told)
        self.time += self.way_seconds
        turn = self.source.receive(data, self.manager(), self.time)
        return messages(bytes(turn.out)), turn.taken

    def proof(self, password: bytes = PASSWORD) -> Proof:
        return Proof(NONCE, source_proof(password, self.challenge.nonce, NONCE))

    def introduce(self, *workers: str) -> list[FromManager]:
        self.tell(self.proof())
        return self.tell(SourceHello("agent", list(workers)))[0]

    def answer(self, answers: Iterable[FromManager]) -> list[FromManager]:
        """Whatever is asked, as long as something is asked."""
        asked = list(answers)
        while asked:
            (probe,) = asked
            assert isinstance(probe, ClockProbe)
            self.time += self.way_seconds
            asked, _ = self.tell(ClockAnswer(probe.number, self.own(), self.own()))
        return asked

    def telemetry(self, worker: str, *readings: tuple[str, str, float]) -> WorkerTelemetry:
        return WorkerTelemetry(worker, self.own(), Telemetry(self.own(), 1.0, list(readings)))


def framed(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + body


def messages(data: bytes) -> list[FromManager]:
    found = []
    while data:
        length = int.from_bytes(data[:4], "big")
        found += from_manager(data[4 : 4 + length])
        data = data[4 + length :]
    return found


def test_both_sides_prove_that_they_know_the_password() -> None:
    peer = Peer()
    (welcome,), _ = peer.tell(peer.proof())
    assert welcome == Welcome(manager_proof(PASSWORD, peer.challenge.nonce, NONCE))
    (probe,), _ = peer.tell(SourceHello("agent", ["w1"]))
    assert isinstance(probe, ClockProbe)
    assert (peer.source.name, peer.source.workers) == ("agent", frozenset({"w1"}))


def test_no_challenge_is_made_twice() -> None:
    assert Peer().challenge.nonce != Peer().challenge.nonce


def wrong_password(peer: Peer) -> Message:
    return peer.proof(b"another")


def old_proof(peer: Peer) -> Message:
    return Peer().proof()


def managers_own_proof(peer: Peer) -> Message:
    return Proof(NONCE, manager_proof(PASSWORD, peer.challenge.nonce, NONCE))


def short_challenge(peer: Peer) -> Message:
    return Proof(b"", peer.proof().proof)


def no_proof(peer: Peer) -> Message:
    return SourceHello("agent", ["w1"])


@pytest.mark.parametrize(
    "told", [wrong_password, old_proof, managers_own_proof, short_challenge, no_proof]
)
def test_who_does_not_prove_it_is_closed_on(told: Callable[[Peer], Message]) -> None:
    peer = Peer()
    with pytest.raises(Closing) as closing:
        peer.tell(told(peer))
    assert closing.value.cause is Cause.PASSWORD


@pytest.mark.parametrize(
    ("told", "cause"),
    [
        ([SourceHello("agent", []), SourceHello("agent", [])], Cause.PROTOCOL),
        ([SourceHello("", [])], Cause.PROTOCOL),
        ([SourceHello("agent", ["w" * 300])], Cause.PROTOCOL),
        ([SourceHello("agent", [f"w{number}" for number in range(5000)])], Cause.FULL),
        ([ClockAnswer(1, BEGIN, BEGIN)], Cause.PROTOCOL),
        ([b"\0\0\0\1\xff"], Cause.FRAME),
        ([b"\0\0\0\2\x91\xa1"], Cause.FRAME),
        ([framed(b"\x91\x93\xabSourceHello\xa1\xff\x90")], Cause.FRAME),
        ([framed(b"\x91\x94\xabSourceHello\xa1a\x90" + b"\x91" * 100_000)], Cause.FRAME),
        ([(MAX_FRAME_BYTES + 1).to_bytes(4, "big")], Cause.FRAME),
    ],
)
def test_what_cannot_be_ends_the_connection(told: list[Message | bytes], cause: Cause) -> None:
    peer = Peer()
    peer.tell(peer.proof())
    with pytest.raises(Closing) as closing:
        peer.tell(*told)
    assert closing.value.cause is cause


def test_of_the_unknown_only_little_is_read() -> None:
    with pytest.raises(Closing) as closing:
        Peer().tell((5000).to_bytes(4, "big"))
    assert closing.value.cause is Cause.FRAME


def test_who_takes_too_long_is_closed_on() -> None:
    peer = Peer()
    assert peer.source.due(4.9) == b""
    with pytest.raises(Closing) as closing:
        peer.source.due(5.1)
    assert closing.value.cause is Cause.SLOW


def test_windows_come_by_the_managers_clock() -> None:
    peer = Peer(ahead=1234.5)
    peer.answer(peer.introduce("w1"))
    assert peer.source.clock.exchanges == PROBES_AT_ONCE
    _, (taken,) = peer.tell(peer.telemetry("w1", READING))
    assert taken.worker == "w1"
    assert taken.received_seconds == peer.manager()
    assert taken.telemetry.readings == [READING]
    assert taken.telemetry.end_seconds == pytest.approx(peer.manager() - 0.001, abs=1e-5)


def test_before_its_clock_is_known_a_window_ended_when_it_came_at_the_latest() -> None:
    peer = Peer(ahead=-77.0)
    peer.introduce("w1")
    _, (taken,) = peer.tell(peer.telemetry("w1", READING))
    assert peer.manager() - 0.01 < taken.telemetry.end_seconds <= peer.manager() + 1e-6


def test_a_clock_is_probed_for_as_long_as_the_source_is_there() -> None:
    peer = Peer()
    peer.answer(peer.introduce("w1"))
    known = peer.source.clock.exchanges
    assert peer.source.due(peer.time) == b""
    peer.time += OFTEN_SECONDS
    peer.answer(messages(peer.source.due(peer.time)))
    assert peer.source.clock.exchanges == known + 1
    with pytest.raises(Closing) as closing:
        peer.source.due(peer.time + 61)
    assert closing.value.cause is Cause.SILENT


def test_only_the_answer_to_the_last_probe_counts_and_only_once() -> None:
    peer = Peer()
    (probe,) = peer.introduce("w1")
    assert isinstance(probe, ClockProbe)
    for number in (probe.number + 1, probe.number - 1):
        peer.tell(ClockAnswer(number, peer.own(), peer.own()))
    assert peer.source.clock.exchanges == 0
    answer = ClockAnswer(probe.number, peer.own(), peer.own())
    peer.tell(answer)
    peer.tell(answer)
    assert peer.source.clock.exchanges == 1


def test_a_source_speaks_only_of_its_workers() -> None:
    peer = Peer()
    peer.introduce("w1")
    _, taken = peer.tell(peer.telemetry("w2", READING), peer.telemetry("w1", READING))
    assert [one.worker for one in taken] == ["w1"]
    assert peer.refusals.counts() == {Cause.WORKER: 1}


def test_readings_that_are_none_are_left_out_counted_and_told_of_once() -> None:
    peer = Peer()
    peer.introduce("w1")
    wrong = [
        ("no.such_signal", "", 1.0),
        ("host.cpu_share", "", nan),
        ("host.cpu_share", "", inf),
        ("host.cpu_share", "eth0", 0.5),
        ("link.utilisation", "", 0.5),
    ]
    _, (taken,) = peer.tell(peer.telemetry("w1", *wrong, READING))
    assert taken.telemetry.readings == [READING]
    assert peer.tell(peer.telemetry("w1", *wrong))[1] == []
    assert peer.refusals.counts() == {Cause.READING: 10}
    assert len(peer.said) == 1


@pytest.mark.parametrize("end", [BEGIN + 100, BEGIN - 10_000, nan, inf, 1e308])
def test_windows_of_another_time_are_dropped(end: float) -> None:
    peer = Peer()
    peer.answer(peer.introduce("w1"))
    told = WorkerTelemetry("w1", peer.own(), Telemetry(end, 1.0, [READING]))
    assert peer.tell(told)[1] == []
    assert peer.refusals.counts() == {Cause.TIME: 1}


def test_no_more_messages_than_are_borne() -> None:
    peer = Peer(limits=Limits(messages_per_second=10, burst=5), way_seconds=0.0)
    peer.introduce("w1")
    many = [peer.telemetry("w1", READING)] * 20
    assert len(peer.tell(*many)[1]) == 5
    assert peer.refusals.counts() == {Cause.RATE: 15}
    peer.time += 0.35
    assert len(peer.tell(*many)[1]) == 3


times = st.floats() | st.floats(BEGIN - 10, BEGIN + 10)
texts = st.sampled_from(["w1", "w2", "", "link.utilisation", "eth0", "host.cpu_share"])
told = st.one_of(
    st.builds(SourceHello, texts, st.lists(texts, max_size=2)),
    st.builds(ClockAnswer, st.integers(0, 20), times, times),
    st.builds(
        WorkerTelemetry,
        texts,
        times,
        st.builds(
            Telemetry,
            times,
            times,
            st.lists(st.tuples(texts, texts, st.floats()), max_size=3),
        ),
    ),
    st.binary(max_size=40).map(framed),
)


@given(st.lists(told, max_size=30), st.booleans())
def test_nothing_that_comes_does_more_than_end_its_connection(
    stream: list[Message | bytes], introduced: bool
) -> None:
    peer = Peer()
    if introduced:
        peer.introduce("w1")
    try:
        for message in stream:
            _, taken = peer.tell(message)
            for one in taken:
                assert abs(one.telemetry.end_seconds - peer.manager()) <= 3600
                assert one.worker in peer.source.workers
            peer.source.due(peer.time)
    except Closing:
        pass


@given(st.data())
def test_frames_may_come_in_any_pieces(data: st.DataObject) -> None:
    peer = Peer()
    stream = b"".join(
        frame(one)
        for one in (peer.proof(), SourceHello("a", ["w1"]), peer.telemetry("w1", READING))
    )
    cuts = sorted(data.draw(st.sets(st.integers(1, len(stream) - 1), max_size=10)))
    taken = []
    for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        taken += peer.tell(stream[begin:end])[1]
    assert [one.telemetry.readings for one in taken] == [[READING]]


def test_messages_are_plain_msgpack() -> None:
    """Whoever has no pcm can speak it."""
    body = frame(ClockAnswer(3, 1.0, 2.0))[4:]
    assert msgspec.msgpack.decode(body) == [["ClockAnswer", 3, 1.0, 2.0]]
