"""All that the observer knows: packets in, once a window what was seen. No input or output.

A window is a second of the observer's own clock, which is that of its packets; who sets it beside
other clocks does so later.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workers.telemetry.observer import bursts
from workers.telemetry.observer.flows import DEFAULT_FLOWS, Flows
from workers.telemetry.observer.grouping import Groups, distance, order_by
from workers.telemetry.observer.headers import ACK, FIN, MARKED, PSH, RST, SYN, TCP, Packets
from workers.telemetry.observer.meetings import Meetings
from workers.telemetry.observer.messages import Assembly, Messages
from workers.telemetry.observer.parties import Parties
from workers.telemetry.observer.round_trips import Acknowledgements, Acks
from workers.telemetry.observer.sequences import Kind, Segments, Sequences
from workers.telemetry.observer.sighting import Sighting, busiest_flows
from workers.telemetry.observer.streams import Streams
from workers.telemetry.observer.tally import Count, Samples, Tally

SMALL_BYTES = 4 << 10
LARGE_BYTES = 1 << 20
RECENT_NS = 10_000_000_000
"""What was sent longer ago and not acknowledged is no backlog: that flow is dead."""

_COUNTED = ((Kind.RETRANSMIT, Count.RETRANSMITS), (Kind.OUT_OF_ORDER, Count.OUT_OF_ORDER),
            (Kind.DUPLICATE, Count.DUPLICATES))  # fmt: skip


class Watch:
    def __init__(
        self,
        parties: Parties,
        *,
        window_seconds: float = 1.0,
        flows: int = DEFAULT_FLOWS,
        quiet_seconds: float | None = None,
        busiest: int = 0,
    ) -> None:
        """``quiet_seconds`` between collectives, learned if None. ``busiest``: flows told of one by
        one. Raises ValueError for a table that is too small or large."""
        self.parties = parties
        self.packets = 0
        self.unnamed = 0
        """Packets between others than the parties."""
        self._window_ns = round(window_seconds * 1e9)
        self._recent_ns = max(RECENT_NS, self._window_ns)
        self._end_ns = 0
        self._busiest = busiest
        self.flows = Flows(flows, self._forget)
        rows = 2 * flows
        self._tally = Tally(rows, len(parties))
        self._sequences = Sequences(rows)
        self._acknowledgements = Acknowledgements(rows)
        self._assembly = Assembly(flows)
        self._credited = np.zeros((flows, 2), np.int64)
        """Of a large message that goes on: its beginning, and what of it was counted."""
        self._streams = Streams(self._tally.party)
        self._round_trips = Samples(4)
        self._bins = np.zeros((2, len(parties), bursts.BINS), np.int64)
        self._interfaces = np.zeros(len(parties), np.uint8)
        self._meetings = Meetings(parties, quiet_seconds)

    @property
    def dropped(self) -> int:
        """Samples that did not fit into what is kept of a window."""
        return self._round_trips.dropped + self._streams.dropped + self._meetings.dropped

    def add(self, packets: Packets) -> list[Sighting]:
        """Packets in the order of time; gives the windows that are over by them."""
        over: list[Sighting] = []
        while len(packets):
            if not self._end_ns:
                self._end_ns = self._end_after(int(packets.time_ns[0]))
            beyond = packets.time_ns >= self._end_ns
            if not beyond.any():
                self._process(packets)
                break
            inside = int(np.argmax(beyond))
            if inside:
                self._process(packets.select(slice(0, inside)))
            packets = packets.select(slice(inside, None))
            over += self.close(int(packets.time_ns[0]))
        return over

    def close(self, now_ns: int) -> list[Sighting]:
        """The windows that are over by now; of a pause none is left out, up to a minute."""
        over = []
        if not self._end_ns:
            self._end_ns = self._end_after(now_ns)
        if self._end_ns - now_ns > 2 * self._window_ns:  # The clock was set back.
            self._end_ns = self._end_after(now_ns)
        while self._end_ns <= now_ns:
            over.append(self._sight())
            self._end_ns += self._window_ns
            if now_ns - self._end_ns > 60 * self._window_ns:
                self._end_ns = self._end_after(now_ns)
        return over

    def _end_after(self, time_ns: int) -> int:
        return (time_ns // self._window_ns + 1) * self._window_ns

    # -- packets -----------------------------------------------------------------------------------

    def _process(self, packets: Packets) -> None:
        self.packets += len(packets)
        rows, new = self.flows.place(packets)
        if (rows < 0).any():
            packets, rows = packets.select(rows >= 0), rows[rows >= 0]
        if not len(rows):
            return
        if len(new):
            self._introduce(new, packets, rows)
        order = order_by(rows)
        by_row, row = packets.select(order), rows[order]
        groups = Groups.of_sorted(row)
        self.flows.interface[groups.rows] = by_row.interface[groups.ends]
        is_tcp = by_row.protocol == TCP
        length = by_row.payload_bytes + np.where(by_row.flags & (SYN | FIN) != 0, 1, 0)
        takes_room = is_tcp & (length > 0) & (by_row.flags & RST == 0)
        self._tally.arrive(
            groups,
            by_row.time_ns,
            BYTES=by_row.ip_bytes,
            PAYLOAD=by_row.payload_bytes,
            SEGMENTS=takes_room,
            MARKS=by_row.ecn == MARKED,
        )
        segments = Segments(
            row[takes_room],
            by_row.time_ns[takes_room],
            by_row.sequence[takes_room],
            length[takes_room],
            by_row.identification[takes_room],
            by_row.flags[takes_room] & SYN != 0,
        )
        kinds, timeouts = self._sequences.follow(segments)
        self._acknowledgements.forget(self._sequences.renewed)
        if kinds.any():
            for kind, which in _COUNTED:
                self._tally.count(which, segments.row[kinds == kind])
            self._tally.count(Count.TIMEOUTS, segments.row[timeouts])
        once = np.ones(len(rows), bool)
        once[order[takes_room]] = kinds <= Kind.OUT_OF_ORDER
        once[order[takes_room]] &= kinds != Kind.RETRANSMIT
        begins = self._messages(packets, rows, once & (packets.payload_bytes > 0))
        alone = begins[order] & (by_row.flags & PSH != 0) & (by_row.payload_bytes < SMALL_BYTES)
        self._acks(by_row, row, is_tcp, segments, kinds, alone[takes_room])
        self._finish(packets, rows)
        party = self._tally.party
        self._meetings.add(packets.time_ns, party[rows], party[rows ^ 1], packets.payload_bytes > 0)
        self._sum_bins(packets, rows)

    def _introduce(
        self, flows: NDArray[np.int64], packets: Packets, rows: NDArray[np.int64]
    ) -> None:
        """Who the two ends of new flows are."""
        both = np.stack([2 * flows, 2 * flows + 1], axis=1).ravel()
        if self.parties.by_interface:
            towards = np.zeros(self.flows.capacity * 2, bool)
            towards[rows] = packets.outgoing == self.parties.inward
            seen = np.zeros(self.flows.capacity * 2, bool)
            seen[rows] = True
            # A row whose packets go towards the worker is the other side's.
            sent = np.where(seen[both], ~towards[both], towards[both ^ 1])
            self._tally.party[both] = sent
            return
        self._tally.party[both] = self.parties.of(self.flows.address[both])

    def _messages(
        self, packets: Packets, rows: NDArray[np.int64], which: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """Which packets begin a message."""
        begins = np.zeros(len(rows), bool)
        if not which.any():
            return begins
        chosen = np.flatnonzero(which)
        chosen = chosen[order_by(rows[chosen] >> 1)]
        row = rows[chosen]
        complete, first = self._assembly.add(
            row >> 1, row & 1, packets.time_ns[chosen], packets.payload_bytes[chosen]
        )
        begins[chosen] = first
        self._take(complete)
        return begins

    def _take(self, messages: Messages) -> None:
        """Messages that are complete."""
        if not len(messages.flow):
            return
        large = messages.bytes > LARGE_BYTES
        if large.any():
            some = messages.select(large)
            begun, counted = self._credited[some.flow].T
            rest = some.bytes - np.where(begun == some.first_ns, counted, 0)
            self._tally.count(Count.LARGE_BYTES, some.flow * 2 + some.direction, rest)
        self._streams.add(messages)

    def _finish(self, packets: Packets, rows: NDArray[np.int64]) -> None:
        """Connections that their worker has closed, or anyone has cut."""
        ends = (packets.flags & FIN != 0) & (self._tally.party[rows] > 0)
        cut = packets.flags & RST != 0
        ends |= cut
        if cut.any():  # What was on its way will not be acknowledged.
            self._acknowledgements.forget(rows[cut])
            self._acknowledgements.forget(rows[cut] ^ 1)
        if ends.any():
            flows = np.unique(rows[ends] >> 1)
            self._take(self._assembly.forget(flows))
            self._streams.finish(flows)

    def _acks(
        self,
        by_row: Packets,
        row: NDArray[np.int64],
        is_tcp: NDArray[np.bool_],
        segments: Segments,
        kinds: NDArray[np.uint8],
        small: NDArray[np.bool_],
    ) -> None:
        which = is_tcp & (by_row.flags & (ACK | RST) == ACK)
        acks = Acks(
            row[which],
            by_row.time_ns[which],
            by_row.acknowledged[which],
            by_row.window[which],
            (by_row.payload_bytes[which] == 0) & (by_row.flags[which] & (SYN | FIN) == 0),
        )
        told = self._acknowledgements.hear(acks, self._sequences.next)
        about = acks.row ^ 1
        self._tally.count(Count.REPEATED, about[told.repeated])
        self._tally.count(Count.CLOSED, about[told.closed])
        waited = told.closed_ns > 0
        self._tally.count(Count.CLOSED_NS, about[waited], told.closed_ns[waited])
        found = self._acknowledgements.match(segments, kinds, small, acks)
        if len(found.row):
            party = self._tally.party
            sender, target = party[found.row], party[found.row ^ 1]
            named = (sender > 0) | (target > 0)
            self._round_trips.add(
                sender[named], target[named], found.nanoseconds[named], found.small[named]
            )

    def _sum_bins(self, packets: Packets, rows: NDArray[np.int64]) -> None:
        begin = self._end_ns - self._window_ns
        bins = (packets.time_ns - begin) * bursts.BINS // self._window_ns
        bins = np.clip(bins, 0, bursts.BINS - 1)
        party = self._tally.party
        for number, ends in enumerate((party[rows], party[rows ^ 1])):
            places = ends.astype(np.int64) * bursts.BINS + bins
            summed = np.bincount(places, packets.ip_bytes, len(self.parties) * bursts.BINS)
            self._bins[number] += summed.astype(np.int64).reshape(-1, bursts.BINS)
        self.unnamed += int(((party[rows] == 0) & (party[rows ^ 1] == 0)).sum())

    def _forget(self, flows: NDArray[np.int64]) -> None:
        """Told by the table."""
        rows = np.concatenate([2 * flows, 2 * flows + 1])
        self._take(self._assembly.forget(flows))
        self._streams.forget(flows)
        self._tally.forget(rows)
        self._sequences.forget(rows)
        self._acknowledgements.forget(rows)
        self._credited[flows] = 0

    # -- windows -----------------------------------------------------------------------------------

    def _sight(self) -> Sighting:
        end_ns, seconds = self._end_ns, self._window_ns / 1e9
        self._take(self._assembly.quiet(end_ns))
        self._count_what_goes_on(end_ns)
        busiest = busiest_flows(self._tally, self.flows, self._busiest)
        used = np.flatnonzero(self._tally.rows[:, Count.PACKETS] > 0)
        self._interfaces[self._tally.party[used]] = self.flows.interface[used]
        backlog = self._backlog(end_ns)
        sums, flow_bytes = self._tally.close()
        waited_since = dict(self._streams.last_arrival)
        answers, ended = self._streams.close(end_ns / 1e9)
        for worker, of in answers.items():
            if of.arrivals:
                self._streams.last_arrival[worker] = of.arrivals[-1]
                waited_since.setdefault(worker, of.arrivals[0])
        bins, self._bins = self._bins, np.zeros_like(self._bins)
        sighting = Sighting(
            end_ns,
            seconds,
            sums,
            flow_bytes,
            self._round_trips.take(),
            backlog,
            bins,
            self._interfaces.copy(),
            answers,
            waited_since,
            ended,
            self._meetings.take(end_ns),
            self._meetings.silent_ns(end_ns),
            busiest,
        )
        self.flows.expire(end_ns)
        return sighting

    def _count_what_goes_on(self, end_ns: int) -> None:
        """Large messages and closed windows that the window's end cuts in two."""
        going = self._assembly.going_on(LARGE_BYTES)
        begun, counted = self._credited[going.flow].T
        rest = going.bytes - np.where(begun == going.first_ns, counted, 0)
        self._tally.count(Count.LARGE_BYTES, going.flow * 2 + going.direction, rest)
        self._credited[going.flow] = np.stack([going.first_ns, going.bytes], axis=1)
        recent = np.flatnonzero(end_ns - self._tally.last_ns < self._recent_ns)
        waits = self._acknowledgements.waits(recent, end_ns)
        closed = waits > 0
        self._tally.count(Count.CLOSED_NS, recent[closed] ^ 1, waits[closed])

    def _backlog(self, end_ns: int) -> NDArray[np.int64]:
        rows = np.flatnonzero(
            self._sequences.known
            & self._acknowledgements.known
            & (end_ns - self._tally.last_ns < self._recent_ns)
        )
        on_way = distance(self._sequences.next[rows], self._acknowledgements.acknowledged[rows])
        sums = np.bincount(
            self._tally.party[rows], np.clip(on_way, 0, None), minlength=len(self.parties)
        )
        return sums.astype(np.int64)
