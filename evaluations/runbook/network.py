"""Readings between clients and workers: requests, flows, what comes in, what goes out, the line."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evaluations.runbook.arrivals import Requests
from evaluations.runbook.cluster import Layout
from evaluations.runbook.habits import Habits
from evaluations.runbook.levers import Floats, Levers
from evaluations.runbook.recording import Recorder
from evaluations.runbook.serving import Served
from evaluations.runbook.steps import Steps

_BINS = 20
"""Per window, for the dispersion of arrivals."""
_SEGMENT_BYTES = 1448
_BUFFER_BYTES = 1.6e7
"""Of results that wait to be taken; beyond it the sender waits."""
_ROUND_TRIP_SECONDS = 0.02


class Traffic:
    """Bytes per second over the line, by worker; filled in as readings are made."""

    def __init__(self, layout: Layout, levers: Levers) -> None:
        line = np.array([kind.line_bytes_per_second for kind in layout.cluster.kinds])
        self.line = line
        self.ingress = levers.weights_per_second + 2e4
        self.egress = np.full_like(self.ingress, 2e4)

    def utilisation(self, levers: Levers) -> Floats:
        busier = np.maximum(self.ingress, self.egress) / self.line
        full: Floats = np.minimum(levers.line_others + busier, 0.995)
        return full


def requests(
    recorder: Recorder, layout: Layout, streams: Sequence[Requests], served: Served
) -> None:
    """Arrivals and the queue, read where requests arrive."""
    heads, windows = layout.heads, len(served.queue)
    bins = np.stack([_counts(s.at_seconds * _BINS, windows * _BINS) for s in streams], axis=1)
    bins = bins.reshape(windows, _BINS, len(streams))
    mean = bins.mean(1)
    dispersion = np.where(mean > 0, bins.var(1) / np.maximum(mean, 1e-9), np.nan)
    tokens = [_counts(s.at_seconds, windows, s.prompt_tokens) for s in streams]
    recorder.add("requests.per_second", heads, bins.sum(1))
    recorder.add("requests.dispersion", heads, dispersion)
    gaps = np.stack([_longest_gaps(stream.at_seconds, windows) for stream in streams], axis=1)
    recorder.add("requests.longest_gap_seconds", heads, gaps)
    recorder.add("requests.prompt_tokens_per_second", heads, np.stack(tokens, axis=1), noise=0.0)
    recorder.add("queue.items", heads, served.queue)
    recorder.add("queue.done_per_second", heads, served.done)


def _counts(at: Floats, bins: int, weights: Floats | None = None) -> Floats:
    inside = at < bins
    weights = weights[inside] if weights is not None else None
    counts = np.bincount(at[inside].astype(np.int64), weights, bins)[:bins]
    return np.asarray(counts, np.float64)


def _longest_gaps(at: Floats, windows: int) -> Floats:
    ends = np.arange(1.0, windows + 1)
    known = np.concatenate([[0.0], at])
    longest: Floats = ends - known[np.searchsorted(known, ends, side="right") - 1]
    inside = at < windows
    np.maximum.at(longest, at[inside].astype(np.int64), np.diff(known)[inside])
    return longest


def flows(recorder: Recorder, layout: Layout, streams: Sequence[Requests], habits: Habits) -> None:
    """Bytes by session: prompts as they come, answers over the four windows after."""
    windows = recorder.windows_count
    for number, stream in enumerate(streams):
        sessions = int(stream.sessions.max(initial=0)) + 1
        moved = np.zeros((windows + 5, sessions))
        t = stream.at_seconds.astype(np.int64).clip(0, windows - 1)
        came = stream.prompt_tokens * habits.request_bytes_per_token[number]
        np.add.at(moved, (t, stream.sessions), came)
        left = stream.answer_tokens * habits.result_bytes_per_token[number] / 4
        for later in range(1, 5):
            np.add.at(moved, (t + later, stream.sessions), left)
        ordered = np.sort(moved[:windows], axis=1)
        count = (ordered > 0).sum(1)
        total = np.maximum(ordered.sum(1), 1e-9)
        rank = np.arange(1, sessions + 1)[None, :] - (sessions - count)[:, None]
        some = np.maximum(count, 1)
        gini = 2 * (rank * ordered).sum(1) / (some * total) - (some + 1) / some
        quiet = count == 0
        head = [int(layout.heads[number])]
        recorder.add("flows.count", head, count[:, None].astype(np.float64))
        top = np.where(quiet, np.nan, ordered[:, -1] / total)
        recorder.add("flows.top_share", head, top[:, None])
        recorder.add("flows.gini", head, np.where(quiet, np.nan, gini)[:, None])


def line(
    recorder: Recorder,
    layout: Layout,
    levers: Levers,
    habits: Habits,
    steps: Steps,
    streams: Sequence[Requests],
    served: Served,
) -> None:
    """What comes in and goes out of every worker, and how full its line is."""
    windows, workers = levers.present.shape
    everyone = range(workers)
    traffic = Traffic(layout, levers)
    for number, stream in enumerate(streams):
        tokens = _counts(stream.at_seconds, windows, stream.prompt_tokens)
        traffic.ingress[:, layout.heads[number]] += tokens * habits.request_bytes_per_token[number]
    made = served.tokens * habits.result_bytes_per_token
    usual = made.mean(0) + 1.0
    drain = levers.receiver_share[:, layout.tails] * usual
    backlog, sent = _backlog(made, drain)
    traffic.egress[:, layout.tails] += sent
    full = traffic.utilisation(levers)
    crowded = 1e-4 * ((full - 0.9) / 0.1).clip(0, 1)

    packets = traffic.ingress / _SEGMENT_BYTES
    lost = levers.ingress_loss + levers.ingress_overrun + crowded
    recorder.add("ingress.bytes_per_second", everyone, traffic.ingress, noise=0.02)
    recorder.add("ingress.retransmits_per_second", everyone, packets * lost * 1.1 + 0.03)
    recorder.add("ingress.out_of_order_per_second", everyone, packets * lost * 1.5 + 0.08)
    recorder.add("ingress.drops_per_second", everyone, packets * levers.ingress_overrun + 0.002)

    lost = levers.egress_loss + crowded
    packets = traffic.egress / _SEGMENT_BYTES
    packets[:, layout.tails] += served.tokens  # A token goes out as soon as it is made.
    recorder.add("egress.bytes_per_second", everyone, traffic.egress, noise=0.02)
    recorder.add("egress.retransmits_per_second", everyone, packets * lost * 1.1 + 0.03)
    recorder.add("egress.drops_per_second", everyone, packets * crowded * 0.2 + 0.002)

    tails = layout.tails
    step = served.step_seconds
    jitter = levers.send_jitter[:, tails]
    wake = steps.wake_seconds[:, tails]
    queueing = 2e-3 * np.where(full > 0.8, full / (1 - full), 0.2)[:, tails]
    behind = np.where(np.isfinite(drain), backlog / np.maximum(drain, 1), 0)
    late = levers.egress_loss[:, tails] * 3.0
    delay = 1.5e-3 + queueing + 2 * wake + 0.4 * jitter * step + behind + late
    silent = served.tokens <= 0
    in_flight = sent * _ROUND_TRIP_SECONDS + backlog
    stand = levers.hiccup_seconds[:, tails]
    uneven = (
        0.12
        + 0.9 * served.prefill_share * (tails == layout.heads)
        + jitter
        + 1.2 * wake / np.maximum(step, 1e-4) * np.where(wake > 0, 0.5, 0)
        + 40 * levers.egress_loss[:, tails] * 0.2
        + 0.8 * stand
    )
    recorder.add("egress.backlog_bytes", tails, in_flight, noise=0.25)
    recorder.add("egress.delay_seconds", tails, np.where(silent, np.nan, delay), noise=0.08)
    recorder.add("egress.gap_seconds", tails, np.where(silent, np.nan, step), noise=0.03)
    recorder.add("egress.gap_spread", tails, np.where(silent, np.nan, uneven), noise=0.12)
    recorder.add("link.utilisation", everyone, full, "eth0", noise=0.03)
    recorder.add("link.errors_per_second", everyone, np.full_like(full, 2e-4), "eth0")


def _backlog(made: Floats, drain: Floats) -> tuple[Floats, Floats]:
    """Bytes that wait at each window's end, and bytes that left in it."""
    backlog, sent = np.zeros_like(made), np.zeros_like(made)
    waiting = np.zeros(made.shape[1])
    for t in range(len(made)):
        there = waiting + made[t]
        sent[t] = np.minimum(there, drain[t])
        waiting = np.minimum(there - sent[t], _BUFFER_BYTES)
        backlog[t] = waiting
    return backlog, sent
