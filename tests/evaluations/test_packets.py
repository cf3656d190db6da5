"""The evaluation of packets without its stage (that is in tests/telemetry/test_packets.py): what is
made of what was found, and the queue that marks."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from evaluations import packets
from evaluations.packets import measuring
from evaluations.packets.congested_cable import THRESHOLD_SECONDS, Queue, mark
from evaluations.packets.namespaces import CannotStage, inside
from evaluations.packets.plan import FULL, QUICK, Plan

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


def outcome(found: float | None, *, before: bool = False) -> dict[str, Any]:
    fault = {
        "condition": "NS4",
        "worker": "w4",
        "place": "",
        "what": "loss",
        "found_after_seconds": found,
        "before": before,
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
    assert figures["faults"]["found_in_the_quiet"] == ["NS7@w1", "NS7@w1"]
    assert figures["mitigation"]["step_seconds"]["during"]["max"] == 0.05


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
