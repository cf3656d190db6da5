from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workers.telemetry.catalogue import checked
from workers.host.loop import Loop
from workers.host.outlet import Left
from workers.protocol import BatchEnd, ItemResult, ItemResults, Report
from workers.telemetry.batches import BINS, MAX_EVENTS, BatchSignals, dispersion
from workers.telemetry.counted_outlet import CountedOutlet
from workers.telemetry.quantiles import quantile


def test_rates_queues_and_gaps() -> None:
    batches = BatchSignals(100.0)
    batches.arrived(1, 30, 100.5)
    batches.arrived(2, 10, 102.0)
    batches.arrived(2, 10, 103.0)  # It was put off, and is handled again.
    for at in (102.0, 102.5, 103.0, 103.5):
        batches.results(1, 5, at)
    batches.results(99, 1, 103.9)  # Not of a batch that is here (any more).
    assert checked(batches, batches.read(104.0)) == {
        ("requests.per_second", ""): 10.0,
        ("requests.dispersion", ""): pytest.approx(0.9),
        ("requests.longest_gap_seconds", ""): 2.0,  # From the last one until now.
        ("queue.items", ""): 20.0,
        ("queue.done_per_second", ""): 21 / 4,
        ("egress.gap_seconds", ""): 0.5,
    }


def test_a_wait_goes_on_over_windows() -> None:
    batches = BatchSignals(0.0)
    assert ("requests.longest_gap_seconds", "") not in checked(batches, batches.read(1.0))
    batches.arrived(1, 1, 1.5)
    batches.read(2.0)
    assert checked(batches, batches.read(5.0))["requests.longest_gap_seconds", ""] == 3.5
    batches.arrived(2, 1, 6.0)
    assert checked(batches, batches.read(6.5))["requests.longest_gap_seconds", ""] == 4.5
    assert checked(batches, batches.read(7.0))["requests.longest_gap_seconds", ""] == 1.0


def test_a_batch_that_ends_leaves_no_items_waiting() -> None:
    batches = BatchSignals(0.0)
    batches.arrived(1, 30, 0.1)
    batches.results(1, 10, 0.2)
    batches.ended(1)
    batches.ended(1)
    assert checked(batches, batches.read(1.0))["queue.items", ""] == 0.0


def test_gaps_are_within_one_stream_and_their_spread_needs_several() -> None:
    batches = BatchSignals(0.0)
    batches.arrived(1, 100, 0.0)
    batches.arrived(2, 100, 0.0)
    at = 0.0
    for number in range(10):
        at += 0.1 if number % 2 else 0.3
        batches.results(1, 1, at)
        batches.results(2, 1, at + 0.01)
    found = checked(batches, batches.read(3.0))
    assert 0.1 <= found["egress.gap_seconds", ""] <= 0.3
    assert found["egress.gap_spread", ""] > 0.5
    batches.results(1, 1, 3.1)
    assert ("egress.gap_spread", "") not in checked(batches, batches.read(4.0))


def test_no_time_no_reading() -> None:
    batches = BatchSignals(1.0)
    batches.arrived(1, 5, 1.0)
    assert batches.read(1.0) == []
    assert checked(batches, batches.read(2.0))["requests.per_second", ""] == 5.0


def test_a_flood_is_counted_and_not_kept() -> None:
    batches = BatchSignals(0.0)
    for number in range(MAX_EVENTS + 10):
        batches.arrived(number, 1, 0.5)
        batches.results(0, 0, 0.5)
    assert len(batches._arrivals) == len(batches._gaps) == MAX_EVENTS
    found = checked(batches, batches.read(1.0))
    assert found["requests.per_second", ""] == MAX_EVENTS + 10


def test_dispersion_tells_bunches_from_a_steady_stream() -> None:
    steady = [index / BINS + 0.001 for index in range(BINS)]
    assert dispersion(steady, 0.0, 1.0) == 0.0
    assert dispersion([0.5] * BINS, 0.0, 1.0) == pytest.approx(BINS - 1)


@given(st.lists(st.floats(0, 10), min_size=1, max_size=50))
def test_every_arrival_falls_into_a_bin(times: list[float]) -> None:
    assert 0.0 <= dispersion(times, 0.0, 10.0) <= len(times)


def test_quantiles() -> None:
    assert quantile([7.0], 0.25) == 7.0
    assert quantile([0.0, 1.0, 2.0, 3.0, 4.0], 0.25) == 1.0
    assert quantile([0.0, 10.0], 0.75) == 7.5


def test_delays_are_from_the_making_to_the_leaving() -> None:
    batches = BatchSignals(0.0)
    batches.results(1, 5, 1.0, made_seconds=0.8)
    batches.results(1, 5, 1.1)
    batches.results(2, 1, 1.2, made_seconds=99.0)  # What cannot be is not believed.
    assert ("egress.delay_seconds", "") not in checked(batches, batches.read(1.3))
    batches.left(2, 1.4)
    batches.left(1, 1.5)
    batches.left(1, 1.6)  # There is none.
    found = checked(batches, batches.read(2.0))
    assert found["egress.delay_seconds", ""] == pytest.approx(0.3)  # Of 0.6, 0.3 and 0.3.
    assert ("egress.delay_seconds", "") not in checked(batches, batches.read(3.0))


def test_results_that_cannot_leave_count_with_what_they_have_waited() -> None:
    batches = BatchSignals(0.0)
    for second in range(5):
        batches.results(1, 1, second + 0.5)
    batches.read(5.0)
    for second in range(5, 8):
        batches.results(1, 1, second + 0.9)
        found = checked(batches, batches.read(second + 1.0))
        assert found["egress.delay_seconds", ""] >= 1.5
    batches.left(8, 8.5)
    assert checked(batches, batches.read(9.0))["egress.delay_seconds", ""] > 1.5
    assert not batches._waiting


def test_the_outlet_counts_what_passes() -> None:
    batches = BatchSignals()
    sent: list[Report] = []
    leaving: list[Left] = []
    loop = Loop()

    def send(reports: list[Report], left: Left) -> None:
        sent.extend(reports)
        leaving.append(left)

    outlet = CountedOutlet(loop, send, batches)
    batches.arrived(3, 10)
    outlet.results(3, [ItemResult(0, b"a"), ItemResult(1, b"b")])
    assert sum(batches._open.values()) == 8
    outlet.report(BatchEnd(3, "done"))
    outlet.flush()
    assert batches._open == {}
    assert [type(report) for report in sent] == [ItemResults, BatchEnd]
    outlet.results(4, [ItemResult(0, b"c")])  # Waits for the interval: not in what leaves next.
    outlet.flush()
    assert len(leaving) == 1
    leaving[0]()
    assert len(batches._waiting) == 1
    loop.close()
