"""Between ranks and nodes: EW1 to EW9."""

from __future__ import annotations

from pcm.telemetry.runbook.base import (
    AllOf,
    AnyOf,
    Common,
    Condition,
    Family,
    Phase,
    Unless,
    costs,
    group,
    grows_with,
    level,
    lowest,
    mean,
    past,
    past_z,
)
from pcm.telemetry.signals import Scope

CONGESTED = AnyOf(
    (
        level("fabric.ecn_marks_per_second", at_least=20.0),
        level("fabric.pause_share", at_least=0.05),
    )
)

EW1 = Condition(
    id="EW1",
    name="tensor-parallel straggler",
    family=Family.EAST_WEST,
    scope=Scope.RANK,
    phase=Phase.BOTH,
    cause="a slow accelerator, throttling, or an uneven shard",
    directive="re-shard, drain that rank",
    when=(
        level("collective.last_share", at_least=0.6),
        past("collective.spread_seconds", at_least=2.0),
        # A kernel that is slow keeps its device busy, and those that wait for it.
        Unless(AllOf((past("gpu.busy_share", at_most=0.88), level("decode.active", at_least=1.5)))),
    ),
    effect=costs(1.5),
)

EW2 = Condition(
    id="EW2",
    name="pipeline bubble",
    family=Family.EAST_WEST,
    scope=Scope.RANK,
    phase=Phase.BOTH,
    cause="stages of unequal length",
    directive="move layers, use micro-batches",
    when=(
        group("stage.busy_seconds", at_least=1.4),
        past("stage.busy_seconds", at_least=1.3),
    ),
    effect=grows_with("stage.busy_seconds:past_ratio"),
)

EW3 = Condition(
    id="EW3",
    name="cross-node load skew",
    family=Family.EAST_WEST,
    scope=Scope.RANK,
    phase=Phase.BOTH,
    cause="routing or placement sends more to one node",
    directive="reroute",
    when=(
        group("rank.bytes_per_second", at_least=1.4),
        past("rank.bytes_per_second", at_least=1.2),
        level("collective.last_share", at_least=0.0),
    ),
    effect=costs(1.2),
)

EW4 = Condition(
    id="EW4",
    name="congestion or oversubscription",
    family=Family.EAST_WEST,
    scope=Scope.LINK,
    phase=Phase.BOTH,
    cause="a hot spot of the fabric, or incast",
    directive="spread, cap transfers",
    when=(
        CONGESTED,
        past("fabric.latency_tail_seconds", at_least=1.5),
        Common(CONGESTED, at_least=0.3),
    ),
    effect=costs(1.5),
)

EW5 = Condition(
    id="EW5",
    name="head-of-line blocking",
    family=Family.EAST_WEST,
    scope=Scope.LINK,
    phase=Phase.DECODE,
    cause="small messages wait behind large ones",
    directive="separate queues",
    when=(
        past("fabric.small_delay_seconds", at_least=2.5),
        past("fabric.large_bytes_per_second", at_least=1.5),
    ),
    effect=costs(1.3),
)

EW6 = Condition(
    id="EW6",
    name="retransmission or loss",
    family=Family.EAST_WEST,
    scope=Scope.LINK,
    phase=Phase.BOTH,
    cause="a bad link",
    directive="take the link or the node out",
    when=(
        mean("fabric.retransmits_per_second", at_least=1.0),
        AnyOf(
            (
                mean("fabric.naks_per_second", at_least=0.5),
                mean("fabric.timeouts_per_second", at_least=0.3),
            )
        ),
    ),
    effect=costs(1.4),
)

EW7 = Condition(
    id="EW7",
    name="credit starvation",
    family=Family.EAST_WEST,
    scope=Scope.LINK,
    phase=Phase.BOTH,
    cause="too few credits or buffers at the receiver",
    directive="raise the depth",
    when=(
        past_z("fabric.not_ready_per_second", at_least=8.0),
        level("fabric.stall_share", at_least=0.05),
        level("fabric.ecn_marks_per_second", at_most=20.0),
    ),
    effect=costs(1.3),
)

EW8 = Condition(
    id="EW8",
    name="KV transfer bottleneck",
    family=Family.EAST_WEST,
    scope=Scope.LINK,
    phase=Phase.HANDOFF,
    cause="prefill hands its state over more slowly than decode takes it",
    directive="compress, co-locate",
    when=(
        level("kv.late_share", at_least=0.3),
        past("kv.transfer_seconds", at_least=1.8),
    ),
    effect=costs(1.3),
)

EW9 = Condition(
    id="EW9",
    name="early stop across nodes",
    family=Family.EAST_WEST,
    scope=Scope.RANK,
    phase=Phase.BOTH,
    cause="one node fell silent while the others wait: unequal lengths, or a crash",
    directive="regroup; a rank that is not alive has lost its worker",
    when=(
        mean("rank.silent_seconds", at_least=0.05),
        past_z("rank.silent_seconds", at_least=2.0),
        # A worker that is gone is the scheduler's to replace.
        Unless(lowest("rank.alive", at_most=0.5)),
    ),
    effect=costs(2.0),
    enter=(12, 16),
)

EAST_WEST = (EW1, EW2, EW3, EW4, EW5, EW6, EW7, EW8, EW9)
