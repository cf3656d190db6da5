"""Host and accelerator: PC1 to PC10."""

from __future__ import annotations

from pcm.telemetry.runbook.base import (
    AllOf,
    AnyOf,
    Condition,
    Family,
    Phase,
    Unless,
    costs,
    group,
    level,
    past,
    past_z,
    shrinks_with,
    unknown,
)
from pcm.telemetry.signals import Scope

PC1 = Condition(
    id="PC1",
    name="host-to-device starvation",
    family=Family.PCIE,
    scope=Scope.GPU,
    phase=Phase.PREFILL,
    cause="a slow input pipeline: steps wait for their input",
    directive="pinned buffers, overlap copies with compute",
    when=(
        past("pcie.h2d_wait_seconds", at_least=3.0),
        past_z("pcie.h2d_wait_seconds", at_least=8.0),
        # Busier than it was says nothing of one that had little to do.
        AnyOf((past("gpu.busy_share", at_most=0.95), level("gpu.busy_share", at_most=0.7))),
    ),
    effect=shrinks_with("gpu.busy_share:past_ratio"),
)

PC2 = Condition(
    id="PC2",
    name="device-to-host bottleneck",
    family=Family.PCIE,
    scope=Scope.GPU,
    phase=Phase.DECODE,
    cause="outputs wait for their copy to the host",
    directive="batch transfers, sample on the device",
    when=(
        past("pcie.d2h_delay_seconds", at_least=2.5),
        past_z("pcie.d2h_delay_seconds", at_least=8.0),
    ),
    effect=costs(1.3),
)

LAST_THOUGH_IDLE = AllOf(
    (
        # All ranks of a group look busy while they wait for a slow kernel. Where the last one
        # idles as well, what is late is its launch.
        level("collective.last_share", at_least=0.6),
        past("collective.spread_seconds", at_least=2.0),
    )
)
SLOW_STEPS = AllOf(
    (
        past("decode.tokens_per_stream", at_most=0.85),
        AnyOf((unknown("egress.gap_seconds"), past("egress.gap_seconds", at_least=1.2))),
        # Where the host is the slow one, launches follow each other at its even pace.
        past("pcie.launch_gap_spread", at_most=0.92),
        # Of the ranks of one worker each is last at times; one that never is waits for another.
        AnyOf((unknown("collective.last_share"), level("collective.last_share", at_least=0.15))),
        # A stage that has less to do than it had idles for the one that has more.
        Unless(past("stage.busy_seconds", at_most=0.9)),
    )
)

PC3 = Condition(
    id="PC3",
    name="launch or control latency",
    family=Family.PCIE,
    scope=Scope.GPU,
    phase=Phase.DECODE,
    cause="steps are bound by the host's launches",
    directive="graphs, fused kernels",
    when=(
        past("gpu.busy_share", at_least=0.1),
        past("gpu.busy_share", at_most=0.88),
        level("decode.active", at_least=1.5),
        past("pcie.h2d_wait_seconds", at_most=1.6),
        past("pcie.d2h_delay_seconds", at_most=1.6),
        level("host.cpu_pressure", at_most=0.2),
        AnyOf((LAST_THOUGH_IDLE, SLOW_STEPS)),
    ),
    effect=shrinks_with("decode.tokens_per_stream:past_ratio"),
    enter=(7, 10),
)

PC4 = Condition(
    id="PC4",
    name="skew among accelerators of one node",
    family=Family.PCIE,
    scope=Scope.GPU,
    phase=Phase.BOTH,
    cause="uneven shards, heads or experts",
    directive="rebalance shards",
    when=(
        AnyOf(
            (
                AllOf(
                    (
                        group("gpu.busy_share", at_least=1.35),
                        level("gpu.busy_share", at_least=0.4),
                        AnyOf(
                            (
                                group("pcie.h2d_bytes_per_second", at_least=1.2),
                                group("pcie.d2h_bytes_per_second", at_least=1.3),
                            )
                        ),
                    )
                ),
                # Ranks of a group look busy while they wait: there the last one tells, and what
                # leaves each device, since others' loads are in what comes to it.
                AllOf(
                    (
                        level("collective.last_share", at_least=0.6),
                        past("collective.spread_seconds", at_least=2.0),
                        group("pcie.d2h_bytes_per_second", at_least=1.3),
                    )
                ),
            )
        ),
    ),
    effect=costs(1.4),
)

PC5 = Condition(
    id="PC5",
    name="PCIe saturation",
    family=Family.PCIE,
    scope=Scope.GPU,
    phase=Phase.PREFILL,
    cause="a shared switch, or loads at the same time",
    directive="stagger loads, place apart",
    when=(
        level("pcie.utilisation", at_least=0.85),
        level("pcie.stall_share", at_least=0.1),
    ),
    effect=costs(1.5),
    enter=(10, 12),
)

PC6 = Condition(
    id="PC6",
    name="peer-to-peer throttling",
    family=Family.PCIE,
    scope=Scope.GPU,
    phase=Phase.BOTH,
    cause="copies between devices bounce through the host: topology, ACS",
    directive="change placement, use another path",
    when=(
        AnyOf(
            (
                past("pcie.peer_seconds_per_gigabyte", at_least=1.6),
                level("pcie.peer_bounced_share", at_least=0.3),
            )
        ),
        level("pcie.peer_bounced_share", at_least=0.1),
    ),
    effect=costs(1.5),
)

PC7 = Condition(
    id="PC7",
    name="pinned memory shortage",
    family=Family.PCIE,
    scope=Scope.GPU,
    phase=Phase.PREFILL,
    cause="pinned buffers are scarce or in fragments",
    directive="preallocate pinned buffers",
    when=(
        past("pcie.h2d_bytes_per_transfer", at_most=0.5),
        past("pcie.h2d_transfers_per_launch", at_least=1.8),
        past("pcie.h2d_wait_seconds", at_least=1.5),
    ),
    effect=costs(1.2),
)

PC8 = Condition(
    id="PC8",
    name="host CPU bottleneck",
    family=Family.PCIE,
    scope=Scope.GPU,
    phase=Phase.BOTH,
    cause="tokenising, or other tenants on the worker's cores",
    directive="more cores, smaller share, move away",
    when=(
        level("host.cpu_pressure", at_least=0.25),
        past("pcie.launch_gap_spread", at_least=1.5),
        past("gpu.busy_share", at_most=0.95),
    ),
    effect=shrinks_with("gpu.busy_share:past_ratio"),
)

PC9 = Condition(
    id="PC9",
    name="registration churn",
    family=Family.PCIE,
    scope=Scope.GPU,
    phase=Phase.BOTH,
    cause="memory is registered for every copy: no registration cache",
    directive="reuse buffers",
    when=(
        past("pcie.mappings_per_second", at_least=4.0),
        # At some 150 us each, 5% of the time; a load of weights makes fewer.
        level("pcie.mappings_per_second", at_least=300.0),
    ),
    effect=costs(1.2),
)

PC10 = Condition(
    id="PC10",
    name="decode early stop inside a node",
    family=Family.PCIE,
    scope=Scope.GPU,
    phase=Phase.DECODE,
    cause="outputs of unequal length: one accelerator is done while its peers go on",
    directive="regroup, refill",
    when=(
        level("pcie.d2h_early_share", at_least=0.25),
        group("pcie.d2h_early_share", at_least=2.0),
    ),
    effect=costs(1.2),
)

PCIE = (PC1, PC2, PC3, PC4, PC5, PC6, PC7, PC8, PC9, PC10)
