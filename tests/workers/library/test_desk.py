"""Which call takes which report along, and when."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from workers import carriage
from workers.host.loop import Loop
from workers.library import desk as module
from workers.library.desk import Desk
from workers.library.pipes import Call
from workers.protocol import (
    BatchEnd,
    DropContext,
    FileState,
    Goodbye,
    ItemResult,
    ItemResults,
    Order,
    ReplicaState,
    Report,
    RunBatch,
    Telemetry,
)


class Office:
    """A desk whose supervisor does nothing by itself."""

    def __init__(self, folder: Path) -> None:
        self.loop = Loop()
        self.handled: list[Order] = []
        self.ended: list[Call] = []
        self.brought: list[tuple[carriage.Staging, str, Callable[[], None]]] = []

        def bring(*call: Any) -> None:
            self.brought.append(call)

        self.desk = Desk(self.loop, self.handled.extend, bring, self.ended.append)
        self._folder, self._calls = folder, 0

    def call(self, command: str) -> Call:
        self._calls += 1
        sandbox = self._folder / f"t.{self._calls}"
        sandbox.mkdir()
        call = Call(self._calls, command, str(sandbox), str(sandbox / "out"))
        self.desk.take(call)
        return call

    def orders(self, number: int, *orders: Order, brief: bool = False) -> Call:
        frame = carriage.call_frame(carriage.Call(number, list(orders), brief))
        return self.call(carriage.command(frame))

    def events(self) -> Call:
        return self.call(carriage.EVENTS)

    def answer(self, call: Call) -> tuple[int, list[Report]]:
        assert call in self.ended
        return carriage.open_answer(Path(call.output).read_bytes())

    def say(self, *reports: Report) -> None:
        self.desk.send(list(reports))
        self.desk.settle()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.loop.close()


WARM = ReplicaState("c", "warm")
DIGEST = "0" * 32


def results(batch: int, size: int = 1) -> ItemResults:
    return ItemResults(batch, [ItemResult(0, 0.1, b"x" * size)])


def test_a_batch_call_waits_for_its_batch_and_takes_all_along(office: Office) -> None:
    call = office.orders(0, RunBatch(5, "c", "t", []))
    office.desk.settle()
    assert office.ended == []
    office.say(results(5), BatchEnd(5, "done"))
    assert office.answer(call) == (0, [results(5), BatchEnd(5, "done")])


def test_a_brief_call_is_answered_at_once(office: Office) -> None:
    call = office.orders(0, RunBatch(5, "c", "t", []), brief=True)
    office.desk.settle()
    assert office.answer(call) == (0, [])
    events = office.events()
    office.say(BatchEnd(5, "done"))
    assert office.answer(events) == (1, [BatchEnd(5, "done")])


def test_orders_are_handled_in_order_however_they_come(office: Office) -> None:
    second = office.orders(1, DropContext("b"))
    assert office.handled == []
    first = office.orders(0, DropContext("a"))
    office.desk.settle()
    assert office.handled == [DropContext("a"), DropContext("b")]
    assert office.ended == [first, second]


def test_a_call_that_comes_twice_is_handled_once(office: Office) -> None:
    office.orders(0, DropContext("a"))
    again = office.orders(0, DropContext("a"))
    office.desk.settle()
    assert office.handled == [DropContext("a")]
    assert again in office.ended


def test_news_wait_for_an_events_call(office: Office) -> None:
    office.say(WARM)
    assert office.ended == []
    call = office.events()
    office.desk.settle()
    assert office.answer(call) == (0, [WARM])


def test_two_batches_that_end_together_share_the_reports(office: Office) -> None:
    calls = [office.orders(n, RunBatch(n, "c", "t", [])) for n in range(2)]
    office.say(BatchEnd(1, "done"), BatchEnd(0, "done"))
    answers = sorted(office.answer(call) for call in calls)
    assert [len(reports) for _, reports in answers] == [2, 0]


def test_results_alone_wait_for_company(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = office.events(), office.events()
    office.say(results(1))  # None went lately.
    assert first in office.ended
    monkeypatch.setattr(module, "RESULTS_SECONDS", 0.05)
    office.say(results(2))
    assert second not in office.ended
    while second not in office.ended:
        office.loop.turn(5.0)
        office.desk.settle()
    assert office.answer(second)[1] == [results(2)]


def window(number: int) -> Telemetry:
    return Telemetry(float(number), 1.0, [("host.cpu_pressure", "", 0.5)])


def test_telemetry_goes_with_what_goes_anyway(office: Office) -> None:
    first, second = office.events(), office.events()
    office.say(results(1))
    office.say(window(1), window(2))
    assert second not in office.ended
    office.say(WARM)
    assert office.answer(second)[1] == [window(1), window(2), WARM]
    assert office.answer(first)[1] == [results(1)]


def test_telemetry_goes_alone_in_the_end(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    _, second = office.events(), office.events()
    office.say(results(1))
    monkeypatch.setattr(module, "TELEMETRY_SECONDS", 0.05)
    office.say(window(1))
    while second not in office.ended:
        office.loop.turn(5.0)
        office.desk.settle()
    assert office.answer(second)[1] == [window(1)]


def test_of_telemetry_that_nobody_asks_for_the_newest_is_kept(office: Office) -> None:
    office.say(*[window(number) for number in range(100)])
    call = office.orders(0, DropContext("c"), brief=True)
    office.desk.settle()
    kept = office.answer(call)[1]
    assert kept == [window(number) for number in range(100 - module.WINDOWS_HELD, 100)]


def test_large_results_do_not_wait(office: Office) -> None:
    _, second = office.events(), office.events()
    office.say(results(1))
    office.say(results(2, module.HELD_BYTES + 1))
    assert second in office.ended


def test_a_call_about_a_file_is_answered_when_that_is_done(office: Office) -> None:
    call = office.call(carriage.Staging("piece", DIGEST, 7).command())
    ((staging, sandbox, done),) = office.brought
    assert (staging, sandbox) == (carriage.Staging("piece", DIGEST, 7), call.sandbox)
    office.desk.settle()
    assert office.ended == []
    done()
    office.say(FileState(DIGEST, "wanted", 8))
    assert office.answer(call) == (0, [FileState(DIGEST, "wanted", 8)])


def test_a_call_about_a_file_takes_along_what_is_due(office: Office) -> None:
    calls = [office.call(carriage.Staging("publish", DIGEST).command()) for _ in range(2)]
    office.say(WARM)
    assert office.ended == []  # There is no call yet that could take it.
    published = FileState(DIGEST, "published")
    for _, _, done in office.brought:
        office.desk.send([published])
        done()
    office.desk.settle()
    assert [office.answer(call) for call in calls] == [(0, [WARM, published, published]), (1, [])]


def test_calls_about_files_have_no_turn_among_the_others(office: Office) -> None:
    early = office.orders(1, DropContext("b"))
    piece = office.call(carriage.Staging("fetch", DIGEST).command())
    office.brought[0][2]()
    office.desk.settle()
    assert office.ended == [piece]
    first = office.orders(0, DropContext("a"))
    office.desk.settle()
    assert office.handled == [DropContext("a"), DropContext("b")]
    assert office.ended == [piece, first, early]


def test_it_is_dismissed_by_the_call_that_follows_its_goodbye(office: Office) -> None:
    office.events()
    office.say(Goodbye("evicted"))
    assert not office.desk.dismissed
    office.events()
    assert office.desk.dismissed


def test_the_answer_to_a_cancelled_call_is_dropped(office: Office) -> None:
    call = office.events()
    Path(call.output).parent.rmdir()
    office.say(WARM)
    assert call in office.ended


def test_what_is_no_call_is_refused(office: Office) -> None:
    with pytest.raises(carriage.CarriageError):
        office.call("call:%")


def test_results_have_left_when_an_answer_has_them(office: Office) -> None:
    left: list[str] = []
    office.desk.send([results(1)], lambda: left.append("results"))
    office.desk.send([WARM], lambda: left.append("what nobody asks of"))
    office.desk.settle()
    assert left == []
    call = office.events()
    office.desk.settle()
    assert office.answer(call) == (0, [results(1), WARM])
    assert left == ["results"]
