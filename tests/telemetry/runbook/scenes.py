"""Windows made by hand: a fleet at work, and what is changed of it from a second on.

Four workers in two groups of two ranks; each has two accelerators, an interface, a link to its
peer, and hands state over to it. Signals waver by a few percent, the same in every test.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from pcm.telemetry.runbook import RUNBOOK, Condition, Detector, Finding
from pcm.telemetry.signals import SIGNALS, Reading, Scope, Window

WORKERS = 4
BEGIN_SECONDS = 1000.0
CHANGE_SECONDS = 60
SHOWN_SECONDS = 28
LAST_SECONDS = CHANGE_SECONDS + SHOWN_SECONDS
"""Of a scene that is not asked for longer."""
WAVER = 0.03

WELL = {
    "requests.per_second": 20.0,
    "requests.dispersion": 1.2,
    "requests.longest_gap_seconds": 0.2,
    "requests.prompt_tokens_per_second": 8000.0,
    "queue.items": 3.0,
    "queue.done_per_second": 20.0,
    "flows.count": 12.0,
    "flows.top_share": 0.2,
    "flows.gini": 0.3,
    "ingress.bytes_per_second": 1e6,
    "ingress.retransmits_per_second": 0.02,
    "ingress.out_of_order_per_second": 0.02,
    "ingress.drops_per_second": 0.0,
    "egress.bytes_per_second": 5e5,
    "egress.retransmits_per_second": 0.02,
    "egress.drops_per_second": 0.0,
    "egress.backlog_bytes": 4000.0,
    "egress.delay_seconds": 0.002,
    "egress.gap_seconds": 0.03,
    "egress.gap_spread": 0.25,
    "link.utilisation": 0.2,
    "link.errors_per_second": 0.0,
    "decode.tokens_per_second": 900.0,
    "decode.active": 24.0,
    "decode.empty_share": 0.1,
    "gpu.busy_share": 0.85,
    "gpu.clock_share": 0.95,
    "gpu.throttled_share": 0.0,
    "gpu.errors_per_second": 0.0,
    "pcie.h2d_bytes_per_second": 4e7,
    "pcie.d2h_bytes_per_second": 2e7,
    "pcie.h2d_transfers_per_second": 120.0,
    "pcie.d2h_transfers_per_second": 60.0,
    "pcie.h2d_wait_seconds": 0.0008,
    "pcie.d2h_delay_seconds": 0.0006,
    "pcie.d2h_early_share": 0.02,
    "pcie.launches_per_second": 9000.0,
    "pcie.launch_gap_spread": 0.4,
    "pcie.utilisation": 0.1,
    "pcie.stall_share": 0.01,
    "pcie.width_share": 1.0,
    "pcie.replays_per_second": 0.0,
    "pcie.peer_bytes_per_second": 2e8,
    "pcie.peer_seconds_per_gigabyte": 0.06,
    "pcie.peer_bounced_share": 0.0,
    "pcie.mappings_per_second": 2.0,
    "host.cpu_pressure": 0.03,
    "host.memory_pressure": 0.0,
    "host.io_pressure": 0.01,
    "host.cpu_share": 0.4,
    "host.steal_share": 0.0,
    "collective.per_second": 2000.0,
    "collective.spread_seconds": 0.0004,
    "collective.late_seconds": 0.0002,
    "collective.last_share": 0.5,
    "stage.busy_seconds": 0.01,
    "stage.gap_seconds": 0.002,
    "rank.bytes_per_second": 3e8,
    "rank.silent_seconds": 0.002,
    "rank.alive": 1.0,
    "fabric.ecn_marks_per_second": 0.2,
    "fabric.pause_share": 0.0,
    "fabric.latency_seconds": 2e-5,
    "fabric.latency_tail_seconds": 6e-5,
    "fabric.small_delay_seconds": 6e-5,
    "fabric.large_bytes_per_second": 1e8,
    "fabric.retransmits_per_second": 0.02,
    "fabric.naks_per_second": 0.01,
    "fabric.timeouts_per_second": 0.0,
    "fabric.not_ready_per_second": 0.05,
    "fabric.stall_share": 0.005,
    "kv.bytes_per_second": 2e8,
    "kv.transfer_seconds": 0.02,
    "kv.late_share": 0.05,
}
"""A worker that has enough to do and does it."""

Changes = Mapping[str, float]
"""By signal, or by signal and place with ``@`` between: what it is from the change on."""


def places(worker: int) -> dict[Scope, tuple[str, ...]]:
    return {
        Scope.WORKER: ("",),
        Scope.GPU: ("gpu0", "gpu1"),
        Scope.LINK: ("eth0", f"eth0>w{worker ^ 1}"),
        Scope.RANK: (f"tp{worker // 2}:{worker % 2}",),
    }


def scene(
    changes: Mapping[int, Changes] | None = None, seconds: int = SHOWN_SECONDS
) -> Iterator[Window]:
    """The fleet, with some workers changed after CHANGE_SECONDS, for so many seconds."""
    chance = np.random.default_rng(7)
    for second in range(CHANGE_SECONDS + seconds):
        for worker in range(WORKERS):
            factors = (1.0 + WAVER * chance.standard_normal(2 * len(WELL))).tolist()
            changed = (changes or {}).get(worker, {}) if second >= CHANGE_SECONDS else {}
            readings = []
            for name, value in WELL.items():
                for place in places(worker)[SIGNALS[name].scope]:
                    here = changed.get(f"{name}@{place}", changed.get(name, value))
                    readings.append(Reading(name, place, here * factors[len(readings)]))
            yield Window(f"w{worker}", "A10", BEGIN_SECONDS + second, 1.0, tuple(readings))


def found(
    changes: Mapping[int, Changes], conditions: Sequence[Condition] = tuple(RUNBOOK.values())
) -> list[Finding]:
    """What is open in the end."""
    detector = Detector(conditions)
    seconds = SHOWN_SECONDS + max(
        condition.enter[1] + condition.lasted_seconds for condition in conditions
    ) * (len(conditions) == 1)
    detector.observe(scene(changes, seconds))
    detector.advance(BEGIN_SECONDS + CHANGE_SECONDS + seconds)
    return detector.open
