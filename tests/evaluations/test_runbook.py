"""The generator of signals: windows as they should be, faults that show where they were made."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from evaluations import traces
from evaluations.runbook import CONDITIONS, Truth, arrivals, clean, faulty
from evaluations.runbook.cluster import KINDS, Model, Server
from evaluations.runbook.levers import Levers
from evaluations.runbook.serving import serve
from pcm.telemetry.signals import SIGNALS, Reading, Scope, Window
from tests.evaluations import program

SHORT = 150

SHOWS = {
    "NS1": ("queue.items", 1),
    "NS2": ("requests.longest_gap_seconds", 1),
    "NS3": ("flows.top_share", 1),
    "NS4": ("ingress.retransmits_per_second", 1),
    "NS5": ("egress.backlog_bytes", 1),
    "NS6": ("egress.gap_spread", 1),
    "NS7": ("egress.retransmits_per_second", 1),
    "NS8": ("decode.empty_share", 1),
    "NS9": ("link.utilisation", 1),
    "PC1": ("pcie.h2d_wait_seconds", 1),
    "PC2": ("pcie.d2h_delay_seconds", 1),
    "PC3": ("tokens of a stream", -1),
    "PC4": ("part of the node's bytes", 1),
    "PC5": ("pcie.utilisation", 1),
    "PC6": ("pcie.peer_seconds_per_gigabyte", 1),
    "PC7": ("pcie.h2d_transfers_per_second", 1),
    "PC8": ("host.cpu_pressure", 1),
    "PC9": ("pcie.mappings_per_second", 1),
    "PC10": ("pcie.d2h_early_share", 1),
    "EW1": ("collective.late_seconds", 1),
    "EW2": ("stage.busy_seconds", 1),
    "EW3": ("rank.bytes_per_second", 1),
    "EW4": ("fabric.ecn_marks_per_second", 1),
    "EW5": ("fabric.small_delay_seconds", 1),
    "EW6": ("fabric.retransmits_per_second", 1),
    "EW7": ("fabric.stall_share", 1),
    "EW8": ("kv.transfer_seconds", 1),
    "EW9": ("rank.silent_seconds", 1),
}
"""What must rise or fall at the worker and place of the truth."""


@pytest.fixture
def without_traces(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(traces, "directory", lambda: None)
    arrivals._trace.cache_clear()
    yield
    arrivals._trace.cache_clear()


@pytest.fixture(scope="module")
def windows() -> list[Window]:
    return list(clean(1, SHORT))


def test_a_seed_gives_the_same_windows_again(windows: list[Window]) -> None:
    assert list(clean(1, SHORT)) == windows
    assert list(clean(2, SHORT)) != windows


def test_windows_come_in_order_from_a_small_cluster(windows: list[Window]) -> None:
    ends = [window.end_seconds for window in windows]
    assert ends == sorted(ends)
    kinds = {window.worker: window.kind for window in windows}
    assert 12 <= len(kinds) <= 16
    assert 1 <= len(set(kinds.values())) <= 3
    assert len(windows) > 0.9 * SHORT * len(kinds)


def test_readings_are_named_and_placed_by_the_catalogue(windows: list[Window]) -> None:
    form = {
        Scope.WORKER: "",
        Scope.GPU: "gpu",
        Scope.LINK: ("eth0", "ib0"),
        Scope.RANK: ("tp", "ep", "pp"),
    }
    seen = set()
    for window in windows:
        for reading in window.readings:
            signal = SIGNALS[reading.signal]
            seen.add(signal.name)
            assert math.isfinite(reading.value)
            assert reading.value > -1e-9
            if signal.scope is Scope.WORKER:
                assert reading.place == ""
            else:
                assert reading.place.startswith(form[signal.scope])
            if signal.name.endswith(("_share", "utilisation", "pressure")):
                assert reading.value <= 1
    assert seen == set(SIGNALS)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_fault_shows_where_it_was_made(condition: str) -> None:
    found, truth = faulty(5, condition, "strong")
    name, direction = SHOWS[condition]
    before, during = _at(list(found), truth, name)
    assert len(before) >= 30
    assert len(during) >= 20
    change = np.mean(during) - np.mean(before)
    scale = np.std(before) + 0.1 * abs(np.mean(before)) + 1e-9
    assert direction * change / scale > 1


def _at(windows: list[Window], truth: Truth, signal: str) -> tuple[list[float], list[float]]:
    """Readings at the truth's place before and while it lasts."""
    before, during = [], []
    for window in windows:
        if window.worker != truth.worker:
            continue
        for reading in (*window.readings, *_derived(window)):
            if reading.signal != signal or (truth.place and reading.place not in ("", truth.place)):
                continue
            if window.end_seconds < truth.from_seconds:
                before.append(reading.value)
            elif truth.from_seconds + 15 < window.end_seconds < truth.until_seconds:
                during.append(reading.value)
    return before, during


def _derived(window: Window) -> list[Reading]:
    """How fast each stream decodes, and what part of the bytes to its GPUs each gets."""
    values = {reading.signal: reading.value for reading in window.readings}
    tokens, active = (values.get(f"decode.{name}", 0) for name in ("tokens_per_second", "active"))
    moved = [found for found in window.readings if found.signal == "pcie.h2d_bytes_per_second"]
    total = sum(found.value for found in moved)
    parts = [Reading("part of the node's bytes", f.place, f.value / total) for f in moved]
    return parts + ([Reading("tokens of a stream", "", tokens / active)] if active > 1 else [])


def test_peers_of_a_straggler_wait_for_it() -> None:
    found, truth = faulty(6, "EW1", "strong")
    windows = list(found)
    group = truth.place.split(":", maxsplit=1)[0]
    rates: dict[bool, list[float]] = {True: [], False: []}
    for window in windows:
        for reading in window.readings:
            mine = reading.place.startswith(f"{group}:") and reading.place != truth.place
            if mine and reading.signal == "collective.per_second" and reading.value > 0:
                is_on = truth.from_seconds < window.end_seconds < truth.until_seconds
                rates[is_on].append(reading.value)
    assert np.median(rates[True]) < 0.7 * np.median(rates[False])


def test_no_such_condition() -> None:
    unknown: Any = (0, "NS1", "mild")
    with pytest.raises(KeyError):
        faulty(0, "NS10", "weak")
    with pytest.raises(KeyError):
        faulty(*unknown)


@pytest.mark.usefixtures("without_traces")
def test_without_traces_requests_are_made_and_named() -> None:
    assert arrivals.source() == "fallback"
    drawn = arrivals.draw(arrivals.CODE, 2.0, 300, 20, np.random.default_rng(0))
    assert 200 < len(drawn.at_seconds) < 1800
    assert (np.diff(drawn.at_seconds) >= 0).all()
    assert drawn.at_seconds.max() < 300


def test_the_trace_is_as_bursty_as_it_is() -> None:
    if arrivals.source() == "fallback":
        pytest.skip(f"no traces: {traces.PLACE} names no directory, and none lies beside")
    drawn = arrivals.draw(arrivals.CONVERSATION, 5.5, 1000, 20, np.random.default_rng(0))
    counts = np.bincount(drawn.at_seconds.astype(int))
    assert 1.1 < counts.var() / counts.mean() < 2.5


def test_no_request_is_lost_in_a_server() -> None:
    chance = np.random.default_rng(3)
    server = Server("single", KINDS[0], Model("1.5B", 1.5e9, 28, 1536), 16, (0,), 1, "")
    count = 200
    stream = arrivals.Requests(
        np.sort(chance.uniform(0, 100, count)),
        chance.uniform(10, 2000, count),
        chance.uniform(1, 300, count),
        np.zeros(count, np.int64),
    )
    ones = np.ones((400, 1))
    levers = Levers.__new__(Levers)
    levers.slots, levers.refill, levers.serving = 16 * ones, ones, ones
    served = serve([server], [stream], levers, ones, 0 * ones, 1e9 * ones, chance)
    assert served.done.sum() == count
    assert served.admitted.sum() == count
    assert served.queue[-1, 0] == 0
    assert served.tokens.sum() == pytest.approx(stream.answer_tokens.sum())
    assert served.active.max() <= 16


def test_it_prints_its_figures() -> None:
    program.assert_complete(program.quick("runbook")["targets"], 3)
