"""The evaluation of packets without its stage (that is in tests/telemetry/test_packets.py): what is
made of what was found, and the queue that marks."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, cast

import pytest

from evaluations import packets
from evaluations.packets import measuring, running
from evaluations.packets.congested_cable import THRESHOLD_SECONDS, Queue, mark
from evaluations.packets.faults import Fault
from evaluations.packets.namespaces import CannotStage, inside
from evaluations.packets.plan import FULL, QUICK, Plan
from pcm.telemetry.findings import Finding
from tests.telemetry.test_score import finding

ETHERNET = bytes(12) + b"\x08\x00"
SAID = {"packets": 10, "dropped": 0, "cpu_seconds": 1.0}


def header(ecn: int) -> bytes:
    """Of IPv4, with a sum that is right."""
    plain = struct.pack(
        "!BBHHHBBH4s4s", 0x45, ecn, 40, 7, 0, 64, 6, 0, b"\x0a\0\0\1", b"\x0a\0\0\2"
    )
    return plain[:10] + struct.pack("!H", 0xFFFF ^ _sum(plain)) + plain[12:]


def _sum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def test_a_packet_that_can_be_marked_is_marked_and_its_sum_is_right() -> None:
    marked = mark(ETHERNET + header(2) + b"data")
    assert marked[15] & 3 == 3
    assert _sum(marked[14:34]) == 0xFFFF
    assert marked[:14] == ETHERNET
    assert marked[34:] == b"data"


@pytest.mark.parametrize("frame", [ETHERNET + header(0), bytes(12) + b"\x86\xdd" + bytes(40)])
def test_what_cannot_be_marked_stays(frame: bytes) -> None:
    assert mark(frame) == frame


def test_a_queue_marks_only_what_finds_it_long_and_lets_go_at_its_rate() -> None:
    queue = Queue()
    frame = ETHERNET + header(2)
    queue.bytes_per_second = 3 * len(frame) / THRESHOLD_SECONDS
    for _ in range(6):
        queue.put(frame)
    taken = [one for second in range(100) for one in queue.take(float(second))]
    assert [one[15] & 3 for one in taken] == [2, 2, 2, 3, 3, 3]
    assert queue.wait_seconds(100.0) is None


def test_a_queue_holds_back_what_its_rate_does_not_carry() -> None:
    queue = Queue()
    queue.bytes_per_second = 34.0
    for _ in range(3):
        queue.put(ETHERNET + header(2))
    assert [len(queue.take(now)) for now in (10.0, 10.5, 11.1, 12.2)] == [1, 0, 1, 1]


def outcome(found: float | None, *, before: bool = False, tries: int = 1) -> dict[str, Any]:
    fault = {
        "condition": "NS4",
        "worker": "w4",
        "place": "",
        "what": "loss",
        "found_after_seconds": found,
        "before": before,
        "tries": tries,
    }
    early = {"condition": "NS7", "worker": "w1", "found_seconds": 90.0}
    late = {"condition": "NS4", "worker": "w4", "found_seconds": 107.0}
    findings = [early, late]
    return {
        "faults": [fault],
        "findings": findings,
        "first_fault_seconds": 100.0,
        "observer": SAID,
    }


def course(after: float, worker: str = "r1") -> dict[str, Any]:
    span = {"step_seconds": 0.02, "idle_share": 0.2}
    return {
        "before": span,
        "during": {"step_seconds": 0.05, "idle_share": 0.7},
        "after": {"step_seconds": after, "idle_share": 0.2},
        "found_after_seconds": 9.0,
        "remedy": {"worker": worker},
        "replaced": worker,
    }


def measured(
    monkeypatch: pytest.MonkeyPatch, outcomes: list[dict[str, Any]], courses: list[dict[str, Any]]
) -> tuple[dict[str, Any], dict[str, bool]]:
    rest = {"evaluations.packets.running": outcomes, "evaluations.packets.mitigation": courses}
    monkeypatch.setattr(measuring, "program", lambda module: rest[module].pop(0))
    plan = Plan(len(outcomes), len(courses))
    figures, targets = measuring.measure(plan, lambda _: None)
    return figures, {target.what: target.met for target in targets}


def test_all_found_and_the_group_as_fast_as_before_meets_what_is_expected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    figures, met = measured(monkeypatch, [outcome(7.0), outcome(9.0)], [course(0.021)])
    assert len(met) == 7
    assert all(met.values())
    by_fault = figures["faults"]["by_fault"]["NS4: loss"]
    assert by_fault["found_after_seconds"]["median"] == 8.0
    assert by_fault["found_at_the_first_try"] == 2
    assert figures["faults"]["found_in_the_quiet"] == ["NS7@w1", "NS7@w1"]
    assert figures["mitigation"]["step_seconds"]["during"]["max"] == 0.05


def test_what_was_found_at_the_second_try_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = [outcome(7.0), outcome(7.0, tries=2), outcome(None, tries=2), outcome(6.0)]
    figures, met = measured(monkeypatch, outcomes, [])
    faults = figures["faults"]
    assert (faults["share_found_at_the_first_try"], faults["share_found_in_two"]) == (0.5, 0.75)
    assert faults["by_fault"]["NS4: loss"]["found_at_the_first_try"] == 2
    assert list(met.values()).count(False) == 1


class Scenery:
    """A stage on which nothing can be seen, with a clock of its own."""

    observing = SimpleNamespace(itself=SAID)

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.done: list[tuple[str, float, float]] = []
        monkeypatch.setattr(running, "Watching", partial(Scripted, self))
        monkeypatch.setattr(running, "time", SimpleNamespace(time=lambda: self.now))

    def fault(self, condition: str, worker: str, turn: int, **changed: Any) -> Fault:
        @contextmanager
        def do(_: object) -> Iterator[None]:
            begun = self.now
            yield
            self.done.append((condition, begun, self.now))

        return Fault(condition, worker, "", condition, "ranks", turn, 10.0, do, **changed)


class Scripted:
    """Finds a fault 5 s after it begins; an EW9 not before its second time."""

    def __init__(self, scenery: Scenery, *_: object) -> None:
        self._scenery = scenery
        self.findings: dict[str, Finding] = {}

    def until(self, end: float) -> None:
        self._scenery.now = end

    def found(self, fault: Fault, began: float) -> Finding | None:
        times = [one for one in self._scenery.done if one[0] == fault.condition]
        if self._scenery.now < began + 5 or (fault.condition, len(times)) == ("EW9", 0):
            return None
        return None if fault.condition == "NS2" else finding(since=began, confidence=0.7)

    def found_before(self, *_: object) -> bool:
        return False


def test_what_is_not_found_in_its_time_is_done_once_more_in_a_later_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scenery = Scenery(monkeypatch)
    faults = [
        scenery.fault("EW1", "r", 0),
        scenery.fault("EW9", "r", 1),
        scenery.fault("EW3", "r", 2),
        scenery.fault("NS2", "w", 0, tries=1),
        scenery.fault("NS4", "v", 0),
    ]
    monkeypatch.setattr(running, "FAULTS", faults)
    told = {one.condition: one for one in running.run(cast(Any, Scenery)).faults}
    of_ranks = [one for one in scenery.done if one[0].startswith("EW")]
    assert [one[0] for one in of_ranks] == ["EW1", "EW9", "EW3", "EW9"]
    for (_, _, end), (_, begun, _) in pairwise(of_ranks):
        assert begun - end >= running.REST_SECONDS
    assert (told["EW9"].tries, told["EW3"].tries, told["NS2"].tries) == (2, 1, 1)
    assert told["EW9"].found_after_seconds is not None
    assert told["NS2"].found_after_seconds is None
    begins = {one[0]: one[1] for one in scenery.done}
    assert begins["NS2"] == begins["NS4"] == begins["EW1"]  # Side by side.


@pytest.mark.parametrize(
    ("outcomes", "courses", "missed"),
    [
        ([outcome(7.0), outcome(None)], [], 1),
        ([outcome(7.0, before=True)], [], 1),
        ([outcome(7.0)], [course(0.03)], 1),
        ([outcome(7.0)], [course(0.02, worker="r0")], 1),
    ],
)
def test_what_was_not_as_hoped_is_told(
    monkeypatch: pytest.MonkeyPatch,
    outcomes: list[dict[str, Any]],
    courses: list[dict[str, Any]],
    missed: int,
) -> None:
    _, met = measured(monkeypatch, outcomes, courses)
    assert list(met.values()).count(False) == missed


def test_it_says_which_tool_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(CannotStage, match="no unshare or ip or tc"):
        inside("evaluations.packets.running")


def test_where_it_cannot_stage_it_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SystemExit, match=r"no unshare .* needs root on Linux"):
        packets.quick(lambda _: None)


def test_the_plans() -> None:
    assert FULL.runs > QUICK.runs > 0
    assert FULL.mitigations > QUICK.mitigations == 0
