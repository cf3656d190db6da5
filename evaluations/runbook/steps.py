"""From levers to what a step takes on each server, and how long each part of it makes others wait.

What happens on one GPU or one link of a group holds up the group: a step ends with the slowest.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from evaluations.runbook.cluster import Layout, Server
from evaluations.runbook.habits import Habits
from evaluations.runbook.levers import Floats, Levers
from evaluations.runbook.serving import usual_step_seconds

TIMESLICE_SECONDS = 4e-3
MAPPING_SECONDS = 1.5e-4
"""To register memory and to undo it, with what other cores must forget."""
_LOAD_BYTES = 3.2e7
"""Of weights at a time: what a step's input waits behind."""
_MESSAGE_PACKETS = 40
_PINNED_BYTES = 3e5
"""Smaller copies go through memory that is not pinned."""
_WAKES_PER_STEP = 3
_COPY_SECONDS = 8e-6
"""To start one copy."""
_RETRY_SECONDS = 8e-3
"""Until a lost packet is sent again, on average of quick repeats and timeouts."""


class Steps(NamedTuple):
    """Seconds per step unless said otherwise; shapes (windows, things)."""

    scale: Floats
    """Servers: times that computing takes longer, by the slowest GPU."""
    fixed: Floats
    """Servers: waits per step that are not computing."""
    handoff_rate: Floats
    """Servers: greatest number of hand-offs per second."""
    cpu_wait_share: Floats
    """Workers: share of the time in which a task waits for a core."""
    wake_seconds: Floats
    """Workers: wait for a core, at each wake."""
    factor: Floats
    """GPUs: times that computing takes longer."""
    launch_wait: Floats
    """GPUs: what launching takes beyond computing."""
    input_wait: Floats
    output_delay: Floats
    peer_seconds_per_gigabyte: Floats
    """GPUs."""
    latency: Floats
    """Links: a round trip."""
    small_delay: Floats
    """Links: 95th percentile of small messages."""
    state_seconds_per_byte: Floats
    """Links."""


def steps(layout: Layout, levers: Levers, habits: Habits) -> Steps:
    servers = layout.cluster.servers
    of = layout.gpu_server
    wanted = levers.cores_wanted + levers.steal
    waits = np.maximum(0.02 + 0.05 * wanted, 1 - 1 / np.maximum(wanted, 1))
    wake = TIMESLICE_SECONDS * waits / (1 - waits) * (waits > 0.1)
    links = _links(layout, levers, habits)
    gpus = _gpus(layout, levers, habits, wake)
    own = gpus.launch_wait + gpus.input_wait + gpus.output_delay
    own = own + levers.mappings_per_step * MAPPING_SECONDS
    scale, fixed, handoff = np.ones((3, *levers.slots.shape))
    for number, server in enumerate(servers):
        mine = np.flatnonzero(of == number)
        workers = list(server.workers)
        together = np.mean if server.form == "replicas" else np.max
        scale[:, number] = together(gpus.factor[:, mine], axis=1)
        waiting = together(own[:, mine], axis=1) + habits.host_seconds[number]
        waiting += (wake[:, workers] * (_WAKES_PER_STEP - 1)).max(1)
        if server.form == "tensor":
            moved = 2 * server.model.layers * server.model.hidden * 2 * server.slots / 2 / 1e9
            peer = gpus.peer_seconds_per_gigabyte[:, mine]
            waiting += (peer * moved).max(1) + 2 * server.model.layers * 8e-6
        joined = np.flatnonzero(layout.link_server == number)
        handoff[:, number] = 1e9
        if server.form == "split":
            usual = habits.state_bytes_per_token[number] * 1200
            handoff[:, number] = 0.95 / (links.state_seconds_per_byte[:, joined[0]] * usual)
        elif len(joined):
            waiting += _messages(server) * links.message_seconds[:, joined].max(1)
        computing = scale[:, number] * usual_step_seconds(server)
        ranks = np.flatnonzero(layout.rank_server == number)
        if len(ranks):
            stop = np.minimum(levers.silent_share[:, ranks].max(1), 0.95)
            waiting += (computing + waiting) * stop / (1 - stop)
        # The host stands still for a moment: fewer steps fit in the window.
        stand = np.minimum(levers.hiccup_seconds[:, workers].max(1), 0.9)
        waiting += (computing + waiting) * stand / (1 - stand)
        fixed[:, number] = waiting
    return Steps(scale, fixed, handoff, waits, wake, *gpus, *links[:3])


def _messages(server: Server) -> int:
    """Times that a step waits for the fabric."""
    if server.form == "pipeline":
        return 2 * (len(server.workers) - 1)
    return 2 * server.model.layers


class _Gpus(NamedTuple):
    factor: Floats
    launch_wait: Floats
    input_wait: Floats
    output_delay: Floats
    peer_seconds_per_gigabyte: Floats


def _gpus(layout: Layout, levers: Levers, habits: Habits, wake: Floats) -> _Gpus:
    of, owner = layout.gpu_server, layout.gpu_worker
    servers = [layout.cluster.servers[server] for server in of]
    kinds = [layout.cluster.kinds[worker] for worker in owner]
    factor = levers.slow * levers.part
    for rank, (_, gpu, _, _) in enumerate(layout.ranks):
        if servers[gpu].form == "experts":
            factor[:, gpu] *= 0.4 + 0.6 * levers.heat[:, rank]
        if servers[gpu].form == "pipeline":
            factor[:, gpu] *= levers.layers[:, rank]
    compute = np.array([usual_step_seconds(server) for server in servers]) * factor
    stages = np.array([len(s.workers) if s.form == "pipeline" else 1 for s in servers])
    launching = habits.launches[of] * levers.launch_seconds * stages
    # Loads of weights share the link with steps: what is left, and the wait for it.
    bus = np.array([kind.pcie_bytes_per_second for kind in kinds])
    rate = bus * levers.width * (1 - np.minimum(levers.bus_others + levers.bus_load, 0.995))
    in_bytes = habits.step_input_bytes[of] + 20 * habits.prompt_input_bytes[of]
    copies = np.maximum(2, in_bytes / levers.chunk_bytes)
    unpinned = np.where(levers.chunk_bytes < _PINNED_BYTES, 3.0, 1.0)
    input_wait = (
        levers.input_seconds[:, owner]
        + copies * _COPY_SECONDS * unpinned
        + in_bytes * unpinned / rate
        + wake[:, owner]
        + levers.bus_load * _LOAD_BYTES / bus
    )
    out_bytes = habits.output_bytes[of] * np.array([server.slots / 2 for server in servers])
    usual_peer = np.array([kind.peer_seconds_per_gigabyte for kind in kinds])
    through_host = 4.5 + 2e-11 * bus
    return _Gpus(
        factor,
        np.maximum(0, launching - compute),
        input_wait,
        4e-5 + out_bytes / rate + levers.output_seconds,
        usual_peer * levers.peer_slow * (1 + levers.bounced * through_host),
    )


class _Links(NamedTuple):
    latency: Floats
    small_delay: Floats
    state_seconds_per_byte: Floats
    message_seconds: Floats
    """That a step waits for one message."""


def _links(layout: Layout, levers: Levers, habits: Habits) -> _Links:
    latency = habits.latency_seconds * (1 + 15 * levers.congestion**3)
    fabric = np.array(
        [layout.cluster.kinds[source].fabric_bytes_per_second for source, _, _ in layout.links]
    )
    bulk_seconds = levers.bulk_bytes / fabric
    behind = np.minimum(levers.bulk_share, 0.95) * bulk_seconds
    tail = latency * (1.8 + 4 * levers.congestion)
    small = tail * 1.1 + np.where(levers.bulk_share > 0.03, 0.9 * bulk_seconds, 0)
    stalled = 1 / (1 - np.minimum(levers.no_credits, 0.95))
    left = levers.state_share * (1 - np.minimum(levers.bulk_share, 0.9))
    lost = levers.link_loss * _RETRY_SECONDS * _MESSAGE_PACKETS
    return _Links(
        latency, small, stalled / (fabric * 0.8 * left), (latency + behind) * stalled + lost
    )
