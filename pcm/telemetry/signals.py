"""The catalogue of signals: what a reading is called, its unit, and what of a worker it is about.

A *reading* is one number about one *place* over one *window* (a second, unless a source is slower).
Counters come as rates, made where they are read; distributions come as the statistic that is named
here, made where the events are seen. So a reading is small, and nobody has to remember a counter.

The scope says what a place is:

======  ============================  =======================================================
scope   place                         what it is
======  ============================  =======================================================
worker  ``""``                        the worker as a whole
gpu     ``"gpu0"``                    one of its accelerators, by index
link    ``"eth0"``, ``"eth0>w2"``     one of its interfaces, or what goes from there to a peer
rank    ``"tp0:3"``                   its part in a group of ranks: the group's name, the rank
======  ============================  =======================================================

Names of counters behind the signals: kernel documentation of mlx5 (ethtool counters), of
``/proc/net``, of pressure stall information; NVML and DCGM field names.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Scope(StrEnum):
    WORKER = "worker"
    GPU = "gpu"
    LINK = "link"
    RANK = "rank"


class Signal(NamedTuple):
    name: str
    unit: str
    scope: Scope
    meaning: str


_W, _G, _L, _R = Scope.WORKER, Scope.GPU, Scope.LINK, Scope.RANK

_REQUESTS = (
    Signal("requests.per_second", "1/s", _W, "items (or requests) that arrived"),
    Signal("requests.dispersion", "1", _W, "variance / mean of arrivals in bins of window / 20"),
    Signal("requests.longest_gap_seconds", "s", _W, "longest wait for an arrival, or until now"),
    Signal("requests.prompt_tokens_per_second", "1/s", _W, "prompt tokens of what arrived"),
    Signal("queue.items", "1", _W, "items waiting on the worker at the end of the window"),
    Signal("queue.done_per_second", "1/s", _W, "items that were finished"),
    Signal("flows.count", "1", _W, "sessions with traffic in the window"),
    Signal("flows.top_share", "1", _W, "share of bytes of the session that has most"),
    Signal("flows.gini", "1", _W, "Gini coefficient of bytes by session"),
)

_INGRESS = (
    Signal("ingress.bytes_per_second", "B/s", _W, "towards the worker"),
    Signal("ingress.retransmits_per_second", "1/s", _W, "segments that came again"),
    Signal("ingress.out_of_order_per_second", "1/s", _W, "segments that came before their turn"),
    Signal("ingress.drops_per_second", "1/s", _W, "packets dropped on the way in (no buffer)"),
)

_EGRESS = (
    Signal("egress.bytes_per_second", "B/s", _W, "from the worker"),
    Signal("egress.retransmits_per_second", "1/s", _W, "segments that were sent again"),
    Signal("egress.drops_per_second", "1/s", _W, "packets dropped on the way out"),
    Signal("egress.backlog_bytes", "B", _W, "written but not acknowledged, at the window's end"),
    Signal("egress.delay_seconds", "s", _W, "median from a result's making to its leaving"),
    Signal("egress.gap_seconds", "s", _W, "median gap between results (or tokens) of a stream"),
    Signal("egress.gap_spread", "1", _W, "interquartile range of these gaps / their median"),
)

_LINK = (
    Signal("link.utilisation", "1", _L, "the busier direction's rate / the line's rate"),
    Signal("link.errors_per_second", "1/s", _L, "CRC and symbol errors"),
)

_DECODE = (
    Signal("decode.tokens_per_second", "1/s", _W, "tokens made by all streams"),
    Signal("decode.active", "1", _W, "streams that decode, mean over the window"),
    Signal("decode.empty_share", "1", _W, "share of slots empty while a batch still decodes"),
)

_GPU = (
    Signal("gpu.busy_share", "1", _G, "share of the window in which a kernel ran"),
    Signal("gpu.clock_share", "1", _G, "clock now / greatest clock"),
    Signal("gpu.throttled_share", "1", _G, "share of the window with clocks held down"),
    Signal("gpu.errors_per_second", "1/s", _G, "Xid and uncorrectable errors"),
)

_PCIE = (
    Signal("pcie.h2d_bytes_per_second", "B/s", _G, "host to device"),
    Signal("pcie.d2h_bytes_per_second", "B/s", _G, "device to host"),
    Signal("pcie.h2d_transfers_per_second", "1/s", _G, "copies from host to device"),
    Signal("pcie.d2h_transfers_per_second", "1/s", _G, "copies from device to host"),
    Signal("pcie.h2d_wait_seconds", "s", _G, "median wait of the device for a step's input"),
    Signal("pcie.d2h_delay_seconds", "s", _G, "median from a step's end to its output on the host"),
    Signal("pcie.d2h_early_share", "1", _G, "share of steps whose output ended well before peers'"),
    Signal("pcie.launches_per_second", "1/s", _G, "doorbells: kernels and copies started"),
    Signal("pcie.launch_gap_spread", "1", _G, "interquartile range of gaps between them / median"),
    Signal("pcie.utilisation", "1", _G, "the busier direction's rate / what the link can carry"),
    Signal("pcie.stall_share", "1", _G, "share of the window stalled for credits"),
    Signal("pcie.width_share", "1", _G, "lanes and generation now / the greatest"),
    Signal("pcie.replays_per_second", "1/s", _G, "packets that the link repeated"),
    Signal("pcie.peer_bytes_per_second", "B/s", _G, "device to device"),
    Signal("pcie.peer_seconds_per_gigabyte", "s/GB", _G, "time that such copies take"),
    Signal("pcie.peer_bounced_share", "1", _G, "share of their bytes that went through the host"),
    Signal("pcie.mappings_per_second", "1/s", _G, "registrations of memory made and undone"),
)

_HOST = (
    Signal("host.cpu_pressure", "1", _W, "share of the window in which a task waited for a core"),
    Signal("host.memory_pressure", "1", _W, "the same, for memory"),
    Signal("host.io_pressure", "1", _W, "the same, for input and output"),
    Signal("host.cpu_share", "1", _W, "busy share of the worker's cores"),
    Signal("host.steal_share", "1", _W, "share that a hypervisor took"),
)

_RANKS = (
    Signal("collective.per_second", "1/s", _R, "collectives that the rank took part in"),
    Signal("collective.spread_seconds", "s", _R, "median from the first arrival to the last"),
    Signal("collective.late_seconds", "s", _R, "median lateness of the rank after the first"),
    Signal("collective.last_share", "1", _R, "share of collectives in which it came last"),
    Signal("stage.busy_seconds", "s", _R, "median time of a pipeline stage for a micro-batch"),
    Signal("stage.gap_seconds", "s", _R, "median wait of a stage between hand-offs"),
    Signal("rank.bytes_per_second", "B/s", _R, "what it sent to the others of its group"),
    Signal("rank.silent_seconds", "s", _R, "since its last packet, while the others wait for it"),
    Signal("rank.alive", "1", _R, "1 if its worker was heard of in the window, else 0"),
)

_FABRIC = (
    Signal("fabric.ecn_marks_per_second", "1/s", _L, "packets marked as having met congestion"),
    Signal("fabric.pause_share", "1", _L, "share of the window in which sending was paused"),
    Signal("fabric.latency_seconds", "s", _L, "median round trip"),
    Signal("fabric.latency_tail_seconds", "s", _L, "95th percentile of round trips"),
    Signal("fabric.small_delay_seconds", "s", _L, "95th percentile that messages < 4 KiB take"),
    Signal("fabric.large_bytes_per_second", "B/s", _L, "in messages of more than 1 MiB"),
    Signal("fabric.retransmits_per_second", "1/s", _L, "data that was sent again"),
    Signal("fabric.naks_per_second", "1/s", _L, "sequence errors told by the other side"),
    Signal("fabric.timeouts_per_second", "1/s", _L, "waits for an acknowledgement that ran out"),
    Signal("fabric.not_ready_per_second", "1/s", _L, "receiver-not-ready refusals, zero windows"),
    Signal("fabric.stall_share", "1", _L, "share of the window with data and no credits to send"),
    Signal("kv.bytes_per_second", "B/s", _L, "state handed from prefill to decode"),
    Signal("kv.transfer_seconds", "s", _L, "median time of such a hand-off"),
    Signal("kv.late_share", "1", _L, "share of them for which the decoder waited"),
)

SIGNALS: dict[str, Signal] = {
    signal.name: signal
    for family in (
        _REQUESTS,
        _INGRESS,
        _EGRESS,
        _LINK,
        _DECODE,
        _GPU,
        _PCIE,
        _HOST,
        _RANKS,
        _FABRIC,
    )
    for signal in family
}
"""By name."""


class Reading(NamedTuple):
    """One number. ``place`` by the signal's scope."""

    signal: str
    place: str
    value: float


class Window(NamedTuple):
    """What was read of one worker over the ``seconds`` before ``end_seconds`` (the manager's clock,
    seconds since 1970). ``kind``: the worker's class of equal speed (``Machine.kind``)."""

    worker: str
    kind: str
    end_seconds: float
    seconds: float
    readings: tuple[Reading, ...]
