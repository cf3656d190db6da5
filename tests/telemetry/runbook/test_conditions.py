"""Each of the 28 is found where it is, not where all is well, and not where its neighbour is."""

from __future__ import annotations

import pytest

from pcm.telemetry.runbook import RUNBOOK
from pcm.telemetry.runbook.derived import sources
from pcm.telemetry.signals import SIGNALS
from tests.telemetry.runbook.scenes import (
    BEGIN_SECONDS,
    CHANGE_SECONDS,
    WORKERS,
    Changes,
    found,
)

CONGESTED: Changes = {
    "fabric.ecn_marks_per_second": 400.0,
    "fabric.pause_share": 0.2,
    "fabric.latency_seconds": 1e-4,
    "fabric.latency_tail_seconds": 8e-4,
    "fabric.small_delay_seconds": 8e-4,
}
BUSY_HOST: Changes = {
    "host.cpu_pressure": 0.6,
    "host.cpu_share": 0.98,
    "gpu.busy_share": 0.5,
    "pcie.launches_per_second": 5000.0,
    "pcie.launch_gap_spread": 1.8,
    "pcie.h2d_wait_seconds": 0.004,
    "decode.tokens_per_second": 520.0,
    "queue.done_per_second": 12.0,
    "egress.gap_spread": 0.7,
    "egress.gap_seconds": 0.05,
}

SHOWN: dict[str, Changes] = {
    "NS1": {
        "requests.per_second": 30.0,
        "requests.dispersion": 9.0,
        "requests.longest_gap_seconds": 0.5,
        "queue.items": 60.0,
    },
    "NS2": {
        "requests.per_second": 1.0,
        "requests.longest_gap_seconds": 6.0,
        "queue.items": 0.0,
        "queue.done_per_second": 1.0,
        "gpu.busy_share": 0.1,
        "decode.active": 1.0,
    },
    "NS3": {"flows.top_share": 0.8, "flows.gini": 0.85},
    "NS4": {
        "ingress.retransmits_per_second": 15.0,
        "ingress.out_of_order_per_second": 12.0,
        "ingress.drops_per_second": 8.0,
    },
    "NS5": {"egress.backlog_bytes": 4e5, "egress.delay_seconds": 0.05},
    "NS6": {"egress.gap_spread": 1.2, "egress.delay_seconds": 0.008},
    "NS7": {"egress.retransmits_per_second": 15.0, "egress.drops_per_second": 8.0},
    "NS8": {"decode.empty_share": 0.6, "decode.tokens_per_second": 500.0, "decode.active": 11.0},
    "NS9": {"link.utilisation@eth0": 0.99, "egress.delay_seconds": 0.03},
    "PC1": {"pcie.h2d_wait_seconds": 0.01, "gpu.busy_share": 0.6},
    "PC2": {"pcie.d2h_delay_seconds": 0.006},
    "PC3": {
        "gpu.busy_share": 0.4,
        "pcie.launches_per_second": 4000.0,
        "decode.tokens_per_second": 420.0,
        "egress.gap_seconds": 0.06,
        "collective.last_share": 0.95,
        "collective.spread_seconds": 0.002,
    },
    "PC4": {
        "pcie.h2d_bytes_per_second@gpu1": 9e7,
        "pcie.d2h_bytes_per_second@gpu1": 5e7,
        "gpu.busy_share@gpu0": 0.5,
    },
    "PC5": {"pcie.utilisation": 0.97, "pcie.stall_share": 0.4},
    "PC6": {"pcie.peer_seconds_per_gigabyte": 0.3, "pcie.peer_bounced_share": 0.9},
    "PC7": {"pcie.h2d_transfers_per_second": 1500.0, "pcie.h2d_wait_seconds": 0.002},
    "PC8": BUSY_HOST,
    "PC9": {"pcie.mappings_per_second": 400.0},
    "PC10": {"pcie.d2h_early_share@gpu1": 0.6},
    "EW1": {
        "collective.spread_seconds": 0.003,
        "collective.late_seconds": 0.003,
        "collective.last_share": 0.95,
    },
    "EW2": {"stage.busy_seconds": 0.02, "stage.gap_seconds": 0.001},
    "EW3": {"rank.bytes_per_second": 8e8},
    "EW4": CONGESTED,
    "EW5": {"fabric.small_delay_seconds": 1e-3, "fabric.large_bytes_per_second": 6e8},
    "EW6": {
        "fabric.retransmits_per_second": 40.0,
        "fabric.naks_per_second": 20.0,
        "fabric.timeouts_per_second": 2.0,
    },
    "EW7": {"fabric.not_ready_per_second": 60.0, "fabric.stall_share": 0.3},
    "EW8": {"kv.transfer_seconds": 0.09, "kv.late_share": 0.8},
    "EW9": {"rank.silent_seconds": 3.0},
}
"""By condition: what it makes of a worker."""

ALIKE: dict[str, tuple[Changes, str]] = {
    "NS1": ({"queue.items": 60.0, "queue.done_per_second": 9.0}, "slow service"),
    "NS2": ({"requests.longest_gap_seconds": 6.0}, "gaps that a queue bridges"),
    "NS3": ({"flows.count": 2.0, "flows.top_share": 0.8, "flows.gini": 0.2}, "few sessions"),
    "NS4": ({"egress.retransmits_per_second": 15.0}, "losses the other way"),
    "NS5": ({"egress.backlog_bytes": 4e5}, "much under way, and in time"),
    "NS6": ({"egress.gap_seconds": 0.2}, "slow and steady"),
    "NS7": ({"ingress.retransmits_per_second": 15.0}, "losses the other way"),
    "NS8": ({"decode.active": 11.0, "decode.tokens_per_second": 500.0}, "little to do"),
    "NS9": ({"link.utilisation@eth0": 0.6}, "a busy link"),
    "PC1": ({"pcie.h2d_wait_seconds": 0.01}, "waits that cost nothing"),
    "PC2": ({"pcie.d2h_bytes_per_second": 8e7}, "more to copy, in time"),
    "PC3": (BUSY_HOST, "a busy host"),
    "PC4": ({"pcie.h2d_bytes_per_second": 9e7}, "more for both"),
    "PC5": ({"pcie.utilisation": 0.97}, "a full link that holds nothing up"),
    "PC6": ({"pcie.peer_bytes_per_second": 8e8}, "more to copy"),
    "PC7": (
        {"pcie.h2d_transfers_per_second": 480.0, "pcie.h2d_bytes_per_second": 1.6e8},
        "more to copy",
    ),
    "PC8": (SHOWN["PC3"], "launches bound without pressure"),
    "PC9": ({"pcie.mappings_per_second": 4.0}, "some more mappings"),
    "PC10": ({"pcie.d2h_early_share": 0.6}, "all alike"),
    "EW1": ({"collective.last_share": 0.95}, "last by nothing"),
    "EW2": ({"stage.gap_seconds": 0.01}, "little to do"),
    "EW3": ({"link.utilisation": 0.8}, "busy links"),
    "EW4": (CONGESTED, "one link only"),
    "EW5": ({"fabric.large_bytes_per_second": 6e8}, "much to send, and nobody waits"),
    "EW6": ({"fabric.ecn_marks_per_second": 400.0}, "marks"),
    "EW7": ({**CONGESTED, "fabric.stall_share": 0.3}, "congestion"),
    "EW8": ({"kv.bytes_per_second": 8e8}, "more to hand over, in time"),
    "EW9": ({"rank.silent_seconds": 0.004}, "nothing to speak of"),
}
"""By condition: what looks like it, and is something else or nothing."""


def affected(condition: str) -> list[int]:
    return list(range(WORKERS)) if condition == "EW4" else [2]


def test_there_are_28_and_each_is_shown_and_has_a_neighbour() -> None:
    numbers = (("NS", 9), ("PC", 10), ("EW", 9))
    wanted = [f"{family}{n}" for family, last in numbers for n in range(1, last + 1)]
    assert list(RUNBOOK) == list(SHOWN) == list(ALIKE) == wanted


def test_where_all_is_well_nothing_is_found() -> None:
    assert found({}) == []


@pytest.mark.parametrize("condition", SHOWN)
def test_a_condition_is_found_where_it_is(condition: str) -> None:
    where = affected(condition)
    here = found(dict.fromkeys(where, SHOWN[condition]), [RUNBOOK[condition]])
    assert {finding.worker for finding in here} == {f"w{worker}" for worker in where}
    for finding in here:
        assert -2.0 <= finding.since_seconds - BEGIN_SECONDS - CHANGE_SECONDS <= 12.0
        assert 0.5 <= finding.confidence <= 1.0
        assert 1.0 <= finding.slowdown <= 4.0
        assert finding.evidence


@pytest.mark.parametrize("condition", ALIKE)
def test_what_looks_alike_is_not_taken_for_it(condition: str) -> None:
    changes, _ = ALIKE[condition]
    assert found({2: changes}, [RUNBOOK[condition]]) == []


@pytest.mark.parametrize("condition", ["PC8", "NS7", "EW6"])
def test_among_all_of_them_it_is_the_root(condition: str) -> None:
    findings = found({2: SHOWN[condition]})
    assert {finding.condition for finding in findings if finding.is_root} == {condition}


@pytest.mark.parametrize("condition", RUNBOOK)
def test_every_declaration_is_of_signals_that_there_are_and_says_what_to_do(condition: str) -> None:
    declared = RUNBOOK[condition]
    for test in declared.tests():
        assert all(signal in SIGNALS for signal in sources(test.signal))
        assert (test.at_least is None) != (test.at_most is None)
    assert declared.id == condition
    assert declared.cause
    assert declared.directive
    assert 1.0 <= declared.slowdown({}) <= 4.0
