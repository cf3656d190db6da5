"""Readings of ranks, of pipeline stages, and of the fabric between workers."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from evaluations.runbook.cluster import Layout
from evaluations.runbook.habits import Habits
from evaluations.runbook.levers import Floats, Levers
from evaluations.runbook.recording import Recorder
from evaluations.runbook.serving import Served
from evaluations.runbook.steps import Steps

_SEEN = 48
"""Collectives that are timed per window."""
_PACKET_BYTES = 4096


def ranks(
    recorder: Recorder,
    layout: Layout,
    levers: Levers,
    habits: Habits,
    steps: Steps,
    served: Served,
    chance: Generator,
) -> None:
    windows = len(served.queue)
    alive = levers.present
    for number, server in enumerate(layout.cluster.servers):
        if not server.group:
            continue
        mine = np.flatnonzero(layout.rank_server == number).astype(np.int64)
        workers = [layout.ranks[rank][0] for rank in mine]
        places = [layout.rank_place(int(rank)) for rank in mine]
        gpus = layout.rank_gpu[mine]
        rate = (served.decode_share / np.maximum(served.step_seconds, 1e-6))[:, [number]]
        passes = served.admitted[:, [number]]
        works = np.broadcast_to(rate + passes > 0, (windows, len(mine)))
        tokens = (served.tokens + served.prefill_tokens)[:, [number]]
        sent = tokens * 4 * server.model.layers * server.model.hidden * np.ones(len(mine))
        if server.form == "experts":
            sent = sent * levers.heat[:, mine] * 0.25
        if server.form == "pipeline":
            sent = sent / (2 * server.model.layers)
        recorder.add("rank.bytes_per_second", workers, sent, places, noise=0.02)
        silent = _silence(levers, mine, served.step_seconds[:, [number]], alive[:, workers], chance)
        seen = np.where(works | (silent > 1), silent, np.nan)
        recorder.add("rank.silent_seconds", workers, seen, places, noise=0.05)
        recorder.add("rank.alive", workers, alive[:, workers], places)
        compute = served.compute_seconds[:, [number]]
        if server.form == "pipeline":
            busy = compute * steps.factor[:, gpus] / len(mine)
            gap = busy.max(1, keepdims=True) - busy + (steps.fixed[:, [number]] / len(mine))
            recorder.add("stage.busy_seconds", workers, np.where(works, busy, np.nan), places)
            recorder.add(
                "stage.gap_seconds", workers, np.where(works, gap, np.nan), places, noise=0.08
            )
            continue
        each = 2 * server.model.layers
        between = compute / each
        offset = between * steps.factor[:, gpus] + steps.launch_wait[:, gpus] / each
        wait = np.where(steps.cpu_wait_share > 0.1, steps.cpu_wait_share, 0)[:, workers]
        spread = 0.07 * between * (1 + 3 * wait) + 3e-6
        # A rank that falls silent is late once, and by much: the medians do not see it.
        arrive = offset + spread * chance.normal(0, 1, (_SEEN, windows, len(mine)))
        after = arrive - arrive.min(2, keepdims=True)
        last = arrive == arrive.max(2, keepdims=True)
        late, wide = np.median(after, 0), np.median(after.max(2), 0)
        per_second = (rate + passes) * each * np.ones(len(mine))
        recorder.add("collective.per_second", workers, per_second, places, noise=0.01)
        recorder.add("collective.late_seconds", workers, np.where(works, late, np.nan), places)
        wide = np.where(works, wide[:, None], np.nan)
        recorder.add("collective.spread_seconds", workers, wide, places)
        recorder.add(
            "collective.last_share", workers, np.where(works, last.mean(0), np.nan), places
        )


def _silence(
    levers: Levers, mine: NDArray[np.int64], step: Floats, alive: Floats, chance: Generator
) -> Floats:
    """Seconds since each rank's last packet, at the windows' ends."""
    windows = len(step)
    usual = 0.2 * step * chance.random((windows, len(mine)))
    silent = np.maximum(levers.silent_seconds[:, mine], usual)
    gone = np.zeros(len(mine))
    for t in range(windows):
        gone = np.where(alive[t] < 0.5, gone + 1, 0)
        silent[t] = np.where(gone > 0, gone, silent[t])
    return silent


def fabric(
    recorder: Recorder,
    layout: Layout,
    levers: Levers,
    habits: Habits,
    steps: Steps,
    served: Served,
) -> None:
    cluster = layout.cluster
    source = np.array([link[0] for link in layout.links])
    of = layout.link_server
    places = [layout.link_place(link) for link in range(len(layout.links))]
    rate = np.array([cluster.kinds[worker].fabric_bytes_per_second for worker in source])
    forms = np.array([cluster.servers[server].form for server in of])
    width = np.array(
        [4 * cluster.servers[s].model.layers * cluster.servers[s].model.hidden for s in of]
    )
    peers = np.array([max(1, len(cluster.servers[server].workers) - 1) for server in of])
    layers = np.array([2 * cluster.servers[server].model.layers for server in of])
    share = np.where(forms == "pipeline", 1 / layers, np.where(forms == "experts", 0.25, 1))
    width = width * share / peers
    handed = served.prefill_tokens[:, of] * habits.state_bytes_per_token[of]
    split = forms == "split"
    large = np.where(split, handed, served.prefill_tokens[:, of] * width)
    small = np.where(split, 1e4, served.tokens[:, of] * width)
    others = levers.bulk_share * rate
    limit = 0.98 * rate
    moved = np.minimum(large + small, limit)
    packets = (moved + others) / _PACKET_BYTES

    def add(signal: str, values: Floats, noise: float = 0.04) -> None:
        recorder.add(signal, source, np.broadcast_to(values, packets.shape), places, noise)

    marked = 0.1 * ((levers.congestion - 0.25) / 0.75).clip(0, 1) ** 2
    add("fabric.ecn_marks_per_second", packets * marked + 0.02)
    paused = 0.0004 + 0.75 * (levers.congestion - 0.3).clip(0) ** 2
    add("fabric.pause_share", paused, 0.3)
    tail = steps.latency * (1.8 + 4 * levers.congestion)
    behind = steps.small_delay - tail * 1.1
    add("fabric.latency_seconds", steps.latency * (1 + 0.1 * levers.bulk_share), 0.05)
    add("fabric.latency_tail_seconds", tail + behind + levers.link_loss * 3, 0.12)
    add("fabric.small_delay_seconds", steps.small_delay + levers.link_loss * 3, 0.12)
    add("fabric.large_bytes_per_second", large + others, 0.03)
    own = moved / _PACKET_BYTES
    add("fabric.retransmits_per_second", own * levers.link_loss * 1.2 + 2e-3)
    add("fabric.naks_per_second", own * levers.link_loss * 0.8 + 1e-3)
    add("fabric.timeouts_per_second", own * levers.link_loss * 0.25 + 5e-4)
    messages = (served.decode_share / np.maximum(served.step_seconds, 1e-6))[:, of] * layers
    messages = np.where(split, served.admitted[:, of] * 40, messages)
    add("fabric.not_ready_per_second", messages * levers.no_credits * 0.15 + 5e-3)
    works = (served.active + served.admitted)[:, of] > 0
    add("fabric.stall_share", 0.002 + levers.no_credits * works, 0.2)
    for link in np.flatnonzero(split):
        _handoffs(recorder, layout, levers, habits, steps, served, int(link))
    fill = np.minimum((moved + others) / rate, 0.99)
    by_worker = [
        (worker, fill[:, source == worker].sum(1).clip(0, 0.99)) for worker in sorted(set(source))
    ]
    workers = [int(worker) for worker, _ in by_worker]
    filled = np.stack([values for _, values in by_worker], axis=1)
    recorder.add("link.utilisation", workers, filled, "ib0")
    errors = np.zeros_like(filled) + 2e-4
    for number, worker in enumerate(workers):
        errors[:, number] += levers.cable_errors[:, source == worker].max(1)
    recorder.add("link.errors_per_second", workers, errors, "ib0")


def _handoffs(
    recorder: Recorder,
    layout: Layout,
    levers: Levers,
    habits: Habits,
    steps: Steps,
    served: Served,
    link: int,
) -> None:
    source, _, server = layout.links[link]
    place = layout.link_place(link)
    size = served.prefill_tokens[:, server] / np.maximum(served.admitted[:, server], 1)
    size = size * habits.state_bytes_per_token[server]
    takes = size * steps.state_seconds_per_byte[:, link] + steps.latency[:, link]
    full = (served.admitted[:, server] / np.maximum(steps.handoff_rate[:, server], 1e-9)).clip(
        0, 0.9
    )
    takes = takes / (1 - 0.5 * full)
    some = served.admitted[:, server] > 0
    rate = layout.cluster.kinds[source].fabric_bytes_per_second
    usual = (float(np.median(size[some])) if some.any() else 1.0) / (0.8 * rate)
    # Log-normal slack: the decoder waits for those that take longer.
    ratio = np.log(np.maximum(takes, 1e-9) / (usual * habits.late_slack)) / 0.5
    late = 1 / (1 + np.exp(-1.7 * ratio))
    moved = size * served.admitted[:, server]
    for signal, values, noise in (
        ("kv.bytes_per_second", moved, 0.02),
        ("kv.transfer_seconds", np.where(some, takes, np.nan), 0.06),
        ("kv.late_share", np.where(some, late, np.nan), 0.1),
    ):
        recorder.add(signal, [source], values[:, None], place, noise)
