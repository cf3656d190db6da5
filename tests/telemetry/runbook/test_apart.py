"""Conditions that look alike on workers of different parts are told apart by what differs."""

from __future__ import annotations

import numpy as np
import pytest

from pcm.telemetry.history import History
from pcm.telemetry.runbook import RUNBOOK
from pcm.telemetry.runbook.evidence import LASTING_WINDOWS, Evidence, Statistic
from pcm.telemetry.signals import Reading, Window
from tests.telemetry.runbook.scenes import Changes, found
from tests.telemetry.runbook.test_conditions import SHOWN

LATE_LAUNCHES: Changes = {
    "gpu.busy_share": 0.5,
    "pcie.launch_gap_spread": 0.3,
    "decode.tokens_per_second": 500.0,
    "egress.gap_seconds": 0.05,
}
UNEVEN_RANKS: Changes = {
    "pcie.h2d_bytes_per_second@gpu1": 9e7,
    "pcie.d2h_bytes_per_second@gpu1": 5e7,
    "collective.last_share": 0.95,
    "collective.spread_seconds": 0.003,
}


def told(condition: str, changes: Changes) -> bool:
    return bool(found({2: changes}, [RUNBOOK[condition]]))


def test_a_late_rank_that_idles_is_late_by_its_launches_and_one_that_is_busy_by_its_kernels() -> (
    None
):
    assert told("PC3", SHOWN["PC3"])
    assert not told("EW1", SHOWN["PC3"])
    assert not told("PC3", SHOWN["EW1"])
    assert told("EW1", SHOWN["EW1"])


def test_launches_that_are_late_on_all_ranks_of_a_worker_are_seen_by_their_even_pace() -> None:
    assert told("PC3", LATE_LAUNCHES)
    assert not told("PC3", {**LATE_LAUNCHES, "pcie.launch_gap_spread": 0.4})


def test_who_waits_for_another_rank_or_stage_has_no_late_launches() -> None:
    assert not told("PC3", {**LATE_LAUNCHES, "collective.last_share": 0.01})
    assert not told("PC3", {**LATE_LAUNCHES, "stage.busy_seconds": 0.007})
    assert told("PC3", {**LATE_LAUNCHES, "stage.gap_seconds": 0.01})


def test_uneven_ranks_of_a_node_all_look_busy_and_one_is_last() -> None:
    assert told("PC4", UNEVEN_RANKS)
    assert not told("PC4", {**UNEVEN_RANKS, "collective.last_share": 0.5})
    findings = found({2: UNEVEN_RANKS})
    assert {finding.condition for finding in findings if finding.is_root} == {"PC4"}


@pytest.mark.parametrize(
    "idle", [{"requests.per_second": 4.0}, {"host.io_pressure": 0.5}, {"queue.items": 3.0}]
)
def test_fewer_requests_or_a_load_or_a_queue_is_no_starvation(idle: Changes) -> None:
    assert not told("NS2", {**SHOWN["NS2"], **idle})


def test_a_worker_that_is_gone_has_not_stopped_early() -> None:
    assert not told("EW9", {**SHOWN["EW9"], "rank.alive": 0.0})


def test_a_minute_is_compared_with_what_was_before_it() -> None:
    history = History()
    evidence = Evidence(history)
    for second in range(60 + LASTING_WINDOWS):
        value = 8.0 if second < 60 else 2.0
        readings = (Reading("requests.per_second", "", value),)
        history.add(Window("w0", "A10", 1000.0 + second, 1.0, readings))
    evidence.begin()
    ratio = evidence.of(Statistic.LASTING_RATIO, "requests.per_second")
    assert ratio is not None
    np.testing.assert_allclose(ratio, [0.25])


def test_a_quotient_of_nearly_nothing_is_not_told() -> None:
    history = History()
    evidence = Evidence(history)
    for second in range(5):
        readings = (
            Reading("pcie.h2d_transfers_per_second", "gpu0", 50.0),
            Reading("pcie.launches_per_second", "gpu0", 0.5),
            Reading("pcie.h2d_transfers_per_second", "gpu1", 50.0),
            Reading("pcie.launches_per_second", "gpu1", 100.0),
        )
        history.add(Window("w0", "A10", 1000.0 + second, 1.0, readings))
    evidence.begin()
    told_now = evidence.of(Statistic.LEVEL, "pcie.h2d_transfers_per_launch")
    assert told_now is not None
    np.testing.assert_allclose(told_now, [np.nan, 0.5])
