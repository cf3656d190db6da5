"""Requests in, results out: NS1 to NS9."""

from __future__ import annotations

from pcm.telemetry.runbook.base import (
    AnyOf,
    Condition,
    Family,
    Phase,
    TowardsPeers,
    Unless,
    costs,
    grows_with,
    lasting,
    lasting_mean,
    level,
    lowest,
    mean,
    no_effect,
    past,
    past_z,
    shrinks_with,
    unknown,
)
from pcm.telemetry.signals import Scope

NS1 = Condition(
    id="NS1",
    name="burst admission backlog",
    family=Family.NORTH_SOUTH,
    scope=Scope.WORKER,
    phase=Phase.PREFILL,
    cause="arrivals come in clusters, faster than they are admitted",
    directive="smooth admission, larger batches",
    when=(
        level("requests.dispersion", at_least=3.0),
        past("requests.dispersion", at_least=2.0),
        past("queue.items", at_least=3.0),
        level("queue.items", at_least=8.0),
    ),
    effect=no_effect,
)

NS2 = Condition(
    id="NS2",
    name="ingress starvation",
    family=Family.NORTH_SOUTH,
    scope=Scope.WORKER,
    phase=Phase.PREFILL,
    cause="a slow feeder or an upstream balancer: little arrives while the accelerator idles",
    directive="prefetch the next batch, deepen the queue",
    when=(
        # A lull of the traffic itself lets a tenth through for half a minute, hardly for one.
        lasting("requests.per_second", at_most=0.11),
        past("requests.longest_gap_seconds", at_least=2.0),
        past("gpu.busy_share", at_most=0.75),
        level("queue.items", at_most=1.0),
        # Who loads is given nothing, and wants nothing.
        Unless(mean("host.io_pressure", at_least=0.1)),
    ),
    effect=shrinks_with("gpu.busy_share:past_ratio"),
    enter=(4, 10),
    quiet=16,
    lasted_seconds=40,
)

NS3 = Condition(
    id="NS3",
    name="flow skew across sessions",
    family=Family.NORTH_SOUTH,
    scope=Scope.WORKER,
    phase=Phase.BOTH,
    cause="long prompts, or a hash that sends much to few sessions",
    directive="balance by cost, not by count",
    when=(
        # One session or another has most of the bytes for some seconds; the same one for a minute
        # has not.
        lasting_mean("flows.count", at_least=5.0),
        lasting_mean("flows.top_share", at_least=0.75),
        lasting("flows.top_share", at_least=1.38),
        lasting_mean("flows.gini", at_least=0.69),
    ),
    effect=costs(1.2),
    lasted_seconds=40,
)

NS4 = Condition(
    id="NS4",
    name="ingress drop or retransmit",
    family=Family.NORTH_SOUTH,
    scope=Scope.WORKER,
    phase=Phase.PREFILL,
    cause="a receiver that is overrun, or a bad path",
    directive="back off, tune buffers, move away",
    when=(
        AnyOf(
            (
                level("ingress.retransmits_per_byte", at_least=3e-6),
                mean("ingress.drops_per_second", at_least=1.0),
            )
        ),
        AnyOf(
            (
                mean("ingress.retransmits_per_second", at_least=1.0),
                mean("ingress.drops_per_second", at_least=1.0),
            )
        ),
    ),
    effect=costs(1.3),
)

NS5 = Condition(
    id="NS5",
    name="egress backlog",
    family=Family.NORTH_SOUTH,
    scope=Scope.WORKER,
    phase=Phase.DECODE,
    cause="a slow receiver, or copies on the way out",
    directive="coalesce results, fewer larger sends",
    when=(
        past("egress.backlog_bytes", at_least=3.0),
        past("egress.delay_seconds", at_least=2.0),
        past_z("egress.delay_seconds", at_least=6.0),
    ),
    effect=costs(1.2),
)

NS6 = Condition(
    id="NS6",
    name="egress jitter",
    family=Family.NORTH_SOUTH,
    scope=Scope.WORKER,
    phase=Phase.DECODE,
    cause="contention for cores, or batches of varying size",
    directive="pin cores, steady batch size",
    when=(
        past("egress.gap_spread", at_least=2.0),
        past_z("egress.gap_spread", at_least=6.0),
        AnyOf((unknown("egress.delay_seconds"), past("egress.delay_seconds", at_least=1.5))),
    ),
    effect=costs(1.2),
)

NS7 = Condition(
    id="NS7",
    name="egress drop or retransmit",
    family=Family.NORTH_SOUTH,
    scope=Scope.WORKER,
    phase=Phase.DECODE,
    cause="congestion on the way out",
    directive="pace, move away",
    when=(
        AnyOf(
            (
                mean("egress.retransmits_per_byte", at_least=3e-6),
                mean("egress.drops_per_second", at_least=1.0),
            )
        ),
        AnyOf(
            (
                mean("egress.retransmits_per_second", at_least=1.0),
                mean("egress.drops_per_second", at_least=1.0),
            )
        ),
    ),
    effect=costs(1.2),
)

NS8 = Condition(
    id="NS8",
    name="early completion skew",
    family=Family.NORTH_SOUTH,
    scope=Scope.WORKER,
    phase=Phase.DECODE,
    cause="outputs of unequal length: slots stay empty until the longest is done",
    directive="refill slots, group by expected length",
    when=(
        mean("decode.empty_share", at_least=0.42),
        past("decode.empty_share", at_least=2.5),
        level("queue.items", at_least=2.0),
    ),
    effect=grows_with("decode.empty_share:past_ratio", 0.2),
    enter=(10, 14),
)

NS9 = Condition(
    id="NS9",
    name="bandwidth saturation",
    family=Family.NORTH_SOUTH,
    scope=Scope.LINK,
    phase=Phase.BOTH,
    cause="aggregate load, or transfers of weights",
    directive="stagger transfers, cap them, take another source",
    when=(
        lowest("link.utilisation", at_least=0.88),
        AnyOf((Unless(TowardsPeers()), past("egress.delay_seconds", at_least=3.0))),
    ),
    effect=costs(1.3),
    enter=(14, 16),
)

NORTH_SOUTH = (NS1, NS2, NS3, NS4, NS5, NS6, NS7, NS8, NS9)
