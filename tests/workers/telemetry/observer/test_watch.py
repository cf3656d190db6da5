"""From packets to readings, window by window, as they were made."""

from __future__ import annotations

import msgspec
import pytest

from tests.workers.telemetry.observer.packets import BEGIN_NS, A, B, Packet, columns
from workers.protocol import MAX_READINGS, Telemetry
from workers.telemetry.observer.headers import ACK, FIN, PSH, RST, SYN
from workers.telemetry.observer.parties import Parties, Rank
from workers.telemetry.observer.readings import MAX_PEERS, evenness, readings, telemetry
from workers.telemetry.observer.sighting import Sighting
from workers.telemetry.observer.tally import Count
from workers.telemetry.observer.watch import Watch

SECOND = 1_000_000_000
CLIENT = "10.0.0.77"


def see(
    packets: list[Packet], parties: Parties | None = None, *, cut: int = 1000, **options: int
) -> tuple[Watch, list[Sighting]]:
    """All windows until a second after the last packet."""
    watch = Watch(parties or Parties({"w1": [A], "w2": [B]}, {}), **options)
    sightings: list[Sighting] = []
    for start in range(0, len(packets), cut):
        sightings += watch.add(columns(packets[start : start + cut]))
    sightings += watch.close(BEGIN_NS + (int(packets[-1].at) + 2) * SECOND)
    return watch, sightings


def values(sighting: Sighting, watch: Watch, worker: str) -> dict[tuple[str, str], float]:
    found = readings(sighting, watch.parties, ["if0"], {"if0": 1000.0})
    return {(signal, place): value for signal, place, value in found[worker]}


def answering(count: int, start: float = 0.1) -> list[Packet]:
    """A client asks w1, which answers token by token; a connection of its own."""
    asks = [Packet(start, CLIENT, A, 900, 80, payload=700, sequence=1, acknowledged=1)]
    return asks + [
        Packet(start + 0.2 + 0.02 * n, A, CLIENT, 80, 900, payload=50, sequence=1 + 50 * n,
               acknowledged=701, identification=n + 1)
        for n in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize("cut", [1, 3, 1000])
def test_requests_and_gaps_of_a_worker(cut: int) -> None:
    packets = answering(20)
    end = packets[-1]
    packets.append(end._replace(at=end.at + 0.01, payload=0, flags=FIN | ACK, sequence=1001))
    watch, sightings = see(packets, cut=cut)
    first = values(sightings[0], watch, "w1")
    assert first["requests.per_second", ""] == 1
    assert first["requests.longest_gap_seconds", ""] == pytest.approx(0.9)
    assert first["egress.gap_seconds", ""] == pytest.approx(0.02)
    assert first["egress.gap_spread", ""] == pytest.approx(0.0, abs=1e-6)
    assert first["decode.active", ""] == pytest.approx(0.38)
    assert first["flows.count", ""] == first["flows.top_share", ""] == 1
    assert first["egress.bytes_per_second", ""] == 20 * 90 + 40
    assert first["link.utilisation", "if0"] == pytest.approx(1.84)
    (ended,) = sightings[0].ended
    assert ended.request.first_token - ended.request.arrived == pytest.approx(0.2)
    second = values(sightings[1], watch, "w1")
    assert second["requests.per_second", ""] == 0
    assert second["requests.longest_gap_seconds", ""] == pytest.approx(1.9)
    assert ("requests.per_second", "") not in values(sightings[0], watch, "w2")


def test_losses_are_told_of_their_direction_and_their_link() -> None:
    def data(at: float, number: int, mark: int) -> Packet:
        return Packet(at, payload=100, sequence=number, identification=mark, acknowledged=7)

    packets = [data(0.1, 0, 1), data(0.2, 100, 2), data(0.5, 100, 3), data(0.6, 300, 5)]
    packets += [data(0.6001, 200, 4), data(0.7, 300, 5), data(0.8, 400, 6)._replace(ecn=3)]
    watch, (sighting, *_) = see(packets)
    sender, receiver = (values(sighting, watch, worker) for worker in ("w1", "w2"))
    assert sender["egress.retransmits_per_second", ""] == 1
    assert receiver["ingress.retransmits_per_second", ""] == 1
    assert receiver["ingress.out_of_order_per_second", ""] == 1
    assert ("ingress.retransmits_per_second", "") not in sender
    assert sender["fabric.timeouts_per_second", "if0>w2"] == 1
    assert sender["fabric.ecn_marks_per_second", "if0"] == 1
    assert int(sighting.sums[1, 2, Count.DUPLICATES]) == 1


def test_backlog_round_trips_and_closed_windows() -> None:
    def ack(at: float, number: int, window: int = 100) -> Packet:
        return Packet(at, B, A, 2000, 1000, flags=ACK, sequence=7, acknowledged=number,
                      window=window)  # fmt: skip

    def data(at: float, number: int) -> Packet:
        return Packet(at, payload=1000, sequence=number, acknowledged=7)

    packets = [ack(0.05, 0), data(0.1, 0), ack(0.104, 1000), data(0.2, 1000), ack(0.204, 2000, 0)]
    packets += [ack(0.404, 2000, 50), data(0.9, 2000), data(0.91, 3000)]
    watch, (sighting, *_) = see(packets)
    found = values(sighting, watch, "w1")
    assert found["egress.backlog_bytes", ""] == 2000
    assert found["fabric.latency_seconds", "if0>w2"] == pytest.approx(0.004)
    assert found["fabric.small_delay_seconds", "if0"] == pytest.approx(0.004)
    assert found["fabric.not_ready_per_second", "if0"] == 1
    assert found["fabric.stall_share", "if0"] == pytest.approx(0.2)
    assert found["fabric.naks_per_second", "if0"] == 0


def test_ports_used_anew_leave_no_backlog_of_those_before() -> None:
    back = Packet(0.2, B, A, 2000, 1000, flags=ACK, sequence=7, acknowledged=1100)
    packets = [Packet(0.1, payload=100, sequence=1000, acknowledged=7), back]
    packets += [Packet(0.3, flags=SYN, sequence=1 << 31, acknowledged=0)]
    packets += [Packet(0.4, payload=60, sequence=(1 << 31) + 1, acknowledged=8)]
    packets += [back._replace(at=0.5, acknowledged=(1 << 31) + 1)]
    watch, (sighting, *_) = see(packets, cut=1)
    assert values(sighting, watch, "w1")["egress.backlog_bytes", ""] == 60
    cut = back._replace(at=0.6, flags=ACK | RST)
    watch, (sighting, *_) = see([*packets, cut])
    assert values(sighting, watch, "w1")["egress.backlog_bytes", ""] == 0


def test_of_many_peers_the_busiest_are_told_one_by_one() -> None:
    peers = {f"w{n}": [f"10.0.1.{n}"] for n in range(2, 60)}
    packets = [Packet(0.1, target=f"10.0.1.{n}", payload=n) for n in range(2, 60)]
    watch, (sighting, *_) = see(packets, Parties({"w1": [A], **peers}, {}))
    found = readings(sighting, watch.parties, ["if0"], {})["w1"]
    places = {place for _, place, _ in found if ">" in place}
    assert len(places) == MAX_PEERS
    assert "if0>w59" in places
    assert len(found) < MAX_READINGS


def test_a_large_message_counts_in_the_windows_in_which_it_goes() -> None:
    packets = [Packet(0.5 + 0.001 * n, payload=10_000, sequence=10_000 * n) for n in range(1000)]
    watch, sightings = see(packets)
    large = [values(one, watch, "w1").get(("fabric.large_bytes_per_second", "if0"), 0.0)
             for one in sightings]  # fmt: skip
    assert sum(large) == 10_000_000
    assert large[0] == 5_000_000
    assert int(evenness(sightings[0], 1)["egress"]["peak_to_mean"]) == 2


def test_a_rank_that_is_always_late_is_named() -> None:
    parties = Parties({}, {Rank("tp0", 0): A, Rank("tp0", 1): B})
    packets = []
    for n in range(20):
        at = 0.05 * n
        packets += [Packet(at, payload=500, sequence=500 * n)]
        packets += [Packet(at + 0.01, B, A, 2000, 1000, payload=500, sequence=500 * n)]
    watch, (sighting, *_) = see(packets, parties)
    ahead, late = (values(sighting, watch, f"tp0:{rank}") for rank in (0, 1))
    assert late["collective.last_share", "tp0:1"] == 1.0
    assert late["collective.late_seconds", "tp0:1"] == pytest.approx(0.01)
    assert ahead["collective.last_share", "tp0:0"] == ahead["collective.late_seconds", "tp0:0"] == 0
    assert ahead["collective.spread_seconds", "tp0:0"] == pytest.approx(0.01)
    assert ahead["rank.bytes_per_second", "tp0:0"] == 20 * 540


def test_where_nobody_is_named_what_the_interface_leads_to_is_the_worker() -> None:
    back = Packet(0.2, B, A, 2000, 1000, payload=60, flags=ACK | PSH)
    packets = [Packet(0.1, payload=500, outgoing=True, flags=SYN), back]
    for is_inward, (inward, outward) in {True: (540, 100), False: (100, 540)}.items():
        watch, (sighting, *_) = see(packets, Parties({}, {}, "if0", outgoing_is_inward=is_inward))
        found = values(sighting, watch, "if0")
        assert found["ingress.bytes_per_second", ""] == inward
        assert found["egress.bytes_per_second", ""] == outward


def test_flows_that_do_not_fit_are_counted_and_their_bytes_are_not_lost() -> None:
    packets = [Packet(0.001 * n, source_port=5000 + n, payload=60) for n in range(200)]
    watch, (sighting, *_) = see(packets, cut=4, flows=16)
    found = values(sighting, watch, "w1")
    assert found["egress.bytes_per_second", ""] == 200 * 100
    assert found["flows.count", ""] == 200
    assert watch.flows.evicted >= 200 - 16


def test_strangers_packets_are_counted_and_no_more() -> None:
    watch, (sighting, *_) = see([Packet(0.1, "10.9.9.1", "10.9.9.2", payload=60)])
    assert watch.unnamed == watch.packets == 1
    assert not sighting.sums[1:].any()


def test_a_pause_gives_its_windows_and_a_long_one_not_thousands() -> None:
    watch, sightings = see([Packet(0.1, payload=5), Packet(3.5, payload=5)])
    assert [one.end_ns // SECOND - BEGIN_NS // SECOND for one in sightings] == [1, 2, 3, 4, 5]
    assert len(watch.close(BEGIN_NS + 10_000 * SECOND)) < 100


def test_a_clock_that_is_set_back_stops_nothing() -> None:
    watch, _ = see([Packet(100.1, payload=5)])
    assert watch.close(BEGIN_NS + 10 * SECOND) == []
    watch.add(columns([Packet(10.5, payload=60)]))
    (sighting,) = watch.close(BEGIN_NS + 11 * SECOND)
    assert values(sighting, watch, "w1")["egress.bytes_per_second", ""] == 100


def test_readings_travel_as_the_protocol_has_them() -> None:
    watch, (sighting, *_) = see(answering(20))
    sent = telemetry(sighting, readings(sighting, watch.parties, ["if0"], {})["w1"])
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(sent), type=Telemetry) == sent


def test_signals_are_named_as_in_the_catalogue() -> None:
    from pcm.telemetry.signals import SIGNALS, Scope

    parties = Parties({"w1": [A]}, {Rank("tp0", 0): A, Rank("tp0", 1): B})
    watch, (sighting, *_) = see(answering(20), parties)
    for found in readings(sighting, watch.parties, ["if0"], {"if0": 9.0}).values():
        assert len(found) == len({(signal, place) for signal, place, _ in found})
        for signal, place, _ in found:
            scope = SIGNALS[signal].scope
            assert (scope == Scope.WORKER) == (place == "")
            assert (scope == Scope.RANK) == place.startswith("tp0:")
