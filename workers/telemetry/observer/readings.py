"""From what was seen in a window to readings, named as in ``pcm/telemetry/signals.py``.

Of a link the place is the interface, and ``INTERFACE>PEER`` for peers that were named. Round trips
are those of what the worker sends: from the observer to the peer and back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

import numpy as np
from numpy.typing import NDArray

from workers.protocol import Telemetry
from workers.telemetry.observer import bursts
from workers.telemetry.observer.parties import Parties, Rank
from workers.telemetry.observer.sighting import Sighting
from workers.telemetry.observer.tally import Count

Reading = tuple[str, str, float]
MAX_PEERS = 32
"""Told of one by one, those with most traffic: a window has so many readings and no more."""
MIN_GAPS = 4
"""Fewer have no median to speak of."""


def readings(
    sighting: Sighting,
    parties: Parties,
    interfaces: Sequence[str],
    line_bytes_per_second: Mapping[str, float],
) -> dict[str, list[Reading]]:
    """By worker. ``interfaces`` by their number on packets; ``line_bytes_per_second`` of those
    whose rate is known."""
    found: dict[str, list[Reading]] = {}
    for party in range(1, len(parties)):
        place = interfaces[sighting.interfaces[party]]
        found[parties.names[party]] = [
            *_requests(sighting, party),
            *_transfers(sighting, party),
            *_link(sighting, party, place, line_bytes_per_second.get(place, 0.0)),
            *_fabric(sighting, parties, party, place),
        ]
    for ranks in parties.groups.values():
        for number, (rank, party) in enumerate(ranks):
            peers = [other for _, other in ranks if other != party]
            found[parties.names[party]] += _rank(sighting, rank, number, party, peers)
    return found


def telemetry(sighting: Sighting, found: list[Reading]) -> Telemetry:
    """As it goes over the wire."""
    return Telemetry(sighting.end_ns / 1e9, sighting.seconds, found)


def evenness(sighting: Sighting, party: int) -> dict[str, dict[str, float]]:
    """Bursts of bytes from and to a worker, which have no signal of their own: variance / mean of
    packets' bytes by bin, in units of the mean packet, and the busiest bin / the mean."""
    found = {}
    for number, name in enumerate(("egress", "ingress")):
        by_bin = sighting.bins[number, party]
        axis = sighting.sums[party] if number == 0 else sighting.sums[:, party]
        packets = int(axis[:, Count.PACKETS].sum())
        total = int(by_bin.sum())
        if packets and total:
            found[name] = {
                "dispersion": bursts.dispersion(by_bin * (packets / total)),
                "peak_to_mean": bursts.peak_to_mean(by_bin),
            }
    return found


def _requests(sighting: Sighting, party: int) -> list[Reading]:
    since = sighting.waited_since.get(party)
    of = sighting.flow_bytes[(sighting.flow_bytes[:, :2] == party).any(axis=1), 2]
    found: list[Reading] = [("flows.count", "", float(len(of)))]
    if len(of):
        found.append(("flows.top_share", "", bursts.top_share(of)))
        found.append(("flows.gini", "", bursts.gini(of)))
    if since is None:
        return found  # Nobody ever asked: who knows whether anybody would.
    seconds, end = sighting.seconds, sighting.end_ns / 1e9
    answers = sighting.answers.get(party)
    arrivals = answers.arrivals if answers else []
    waits = np.diff([since, *arrivals, end])
    counts = bursts.binned(np.array(arrivals), end - seconds, seconds)
    found += [
        ("requests.per_second", "", len(arrivals) / seconds),
        ("requests.dispersion", "", bursts.dispersion(counts)),
        ("requests.longest_gap_seconds", "", float(max(0.0, waits.max()))),
    ]
    gaps = answers.gaps if answers else []
    found.append(("decode.active", "", sum(gaps) / seconds))
    if len(gaps) >= MIN_GAPS:
        found.append(("egress.gap_seconds", "", median(gaps)))
        found.append(("egress.gap_spread", "", bursts.spread(np.array(gaps))))
    return found


def _transfers(sighting: Sighting, party: int) -> list[Reading]:
    seconds = sighting.seconds
    outward, inward = sighting.sums[party].sum(axis=0), sighting.sums[:, party].sum(axis=0)
    found: list[Reading] = [
        ("ingress.bytes_per_second", "", inward[Count.BYTES] / seconds),
        ("egress.bytes_per_second", "", outward[Count.BYTES] / seconds),
        ("egress.backlog_bytes", "", float(sighting.backlog[party])),
    ]
    if inward[Count.SEGMENTS]:
        found.append(("ingress.retransmits_per_second", "", inward[Count.RETRANSMITS] / seconds))
        found.append(("ingress.out_of_order_per_second", "", inward[Count.OUT_OF_ORDER] / seconds))
    if outward[Count.SEGMENTS]:
        found.append(("egress.retransmits_per_second", "", outward[Count.RETRANSMITS] / seconds))
    return _plain(found)


def _link(sighting: Sighting, party: int, place: str, line: float) -> list[Reading]:
    if not line:
        return []
    outward = sighting.sums[party, :, Count.BYTES].sum()
    inward = sighting.sums[:, party, Count.BYTES].sum()
    return _plain([("link.utilisation", place, max(outward, inward) / sighting.seconds / line)])


def _fabric(sighting: Sighting, parties: Parties, party: int, place: str) -> list[Reading]:
    """Of the link as a whole, and of what goes to each peer that was named."""
    found: list[Reading] = []
    everyone = np.arange(len(parties))
    wholes = [(place, everyone)]
    wholes += [
        (f"{place}>{parties.names[peer]}", everyone[peer : peer + 1])
        for peer in _busiest_peers(sighting, parties, party)
    ]
    for where, peers in wholes:
        outward = sighting.sums[party, peers].sum(axis=0)
        inward = sighting.sums[peers, party].sum(axis=0)
        both = outward + inward
        if not both[Count.PACKETS]:
            continue
        per_second = both / sighting.seconds
        stalled = both[Count.CLOSED_NS] / 1e9 / sighting.seconds
        found += [
            ("fabric.ecn_marks_per_second", where, per_second[Count.MARKS]),
            ("fabric.retransmits_per_second", where, per_second[Count.RETRANSMITS]),
            ("fabric.naks_per_second", where, per_second[Count.REPEATED]),
            ("fabric.timeouts_per_second", where, per_second[Count.TIMEOUTS]),
            ("fabric.not_ready_per_second", where, per_second[Count.CLOSED]),
            ("fabric.stall_share", where, min(1.0, stalled)),
            ("fabric.large_bytes_per_second", where, per_second[Count.LARGE_BYTES]),
            *_latencies(sighting, party, where, peers),
        ]
    return _plain(found)


def _busiest_peers(sighting: Sighting, parties: Parties, party: int) -> list[int]:
    if parties.by_interface:
        return []
    both = sighting.sums[party, :, Count.BYTES] + sighting.sums[:, party, Count.BYTES]
    order = np.argsort(-both, kind="stable").tolist()
    return [peer for peer in order if peer not in (0, party) and both[peer]][:MAX_PEERS]


def _latencies(
    sighting: Sighting, party: int, where: str, peers: NDArray[np.int64]
) -> list[Reading]:
    samples = sighting.round_trips
    mine = samples[(samples[:, 0] == party) & np.isin(samples[:, 1], peers)]
    if not len(mine):
        return []
    seconds = mine[:, 2] / 1e9
    found: list[Reading] = [
        ("fabric.latency_seconds", where, np.median(seconds)),
        ("fabric.latency_tail_seconds", where, np.percentile(seconds, 95)),
    ]
    small = seconds[mine[:, 3] != 0]
    if len(small):
        found.append(("fabric.small_delay_seconds", where, np.percentile(small, 95)))
    return found


def _rank(
    sighting: Sighting, rank: Rank, number: int, party: int, peers: list[int]
) -> list[Reading]:
    meetings = sighting.meetings[rank.group]
    sent = sighting.sums[party, peers, Count.BYTES].sum() / sighting.seconds
    found: list[Reading] = [
        ("rank.bytes_per_second", rank.place, sent),
        ("rank.silent_seconds", rank.place, sighting.silent_ns[rank.group][number] / 1e9),
        ("collective.per_second", rank.place, len(meetings) / sighting.seconds),
    ]
    if meetings:
        late = [one.arrived_ns[number] - one.first_ns for one in meetings]
        last = sum(one.last == number for one in meetings) / len(meetings)
        found += [
            ("collective.spread_seconds", rank.place, median(m.spread_ns for m in meetings) / 1e9),
            ("collective.late_seconds", rank.place, median(late) / 1e9),
            ("collective.last_share", rank.place, last),
        ]
    return _plain(found)


def _plain(found: list[Reading]) -> list[Reading]:
    """Numbers of Python's own, that any encoder takes."""
    return [(signal, place, float(value)) for signal, place, value in found]
