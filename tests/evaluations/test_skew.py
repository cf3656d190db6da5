"""The evaluation of the skew score: its pools, what it makes of runs, and recordings that a worker
can play."""

from __future__ import annotations

import threading
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluations.skew.measuring import Seconds, of_pool, targets
from evaluations.skew.pools import POOLS
from evaluations.skew.real import measuring as real
from evaluations.skew.real.plan import FULL, scenario, visits
from evaluations.skew.real.recordings import Recordings, lines
from evaluations.skew.real.sitting import Sat, Told, Way
from evaluations.skew.signs import WELL, Signs
from pcm.core.scheduler import Scheduler
from pcm.engines.simulated import simulate
from pcm.engines.simulated.scenario import Visit
from tests.evaluations import program
from workers.telemetry.replay import Replay

ONSET_AT = 1000.0


def test_it_prints_its_figures() -> None:
    printed = program.quick("skew", timeout_seconds=110)
    (pool,) = printed["figures"]["pools"].values()
    assert pool["without_over_known"] > 0.9
    assert pool.keys() == {
        "without_over_known",
        "scored_over_known",
        "share_of_possible_gain",
        "lied_over_well",
    }
    found = printed["figures"]["real"]
    assert found.keys() == {"missing"} or found["rows_off"] == 0
    program.assert_complete(printed["targets"], len(printed["targets"]))
    assert any("lies at random" in target["what"] for target in printed["targets"])


@pytest.mark.parametrize("name", sorted(POOLS))
def test_a_pool_is_the_same_for_the_same_seed_whether_it_is_known_or_not(name: str) -> None:
    unknown, known = (POOLS[name](np.random.default_rng(3), k) for k in (False, True))
    assert [v.slow_from_seconds for v in unknown.visits] == [
        v.slow_from_seconds for v in known.visits
    ]
    assert {v.slowness_is_seen for v in unknown.visits} == {False}
    assert {v.slowness_is_seen for v in known.visits} == {True}
    slow = [v for v in unknown.visits if v.slow_from_seconds < inf]
    assert len(slow) == len(unknown.visits) // 4


def test_the_share_of_a_gain_is_counted_where_there_is_one() -> None:
    gain = of_pool(Seconds(without=150.0, scored=110.0, known=100.0, well=90.0, lied=91.8))
    assert gain["share_of_possible_gain"] == pytest.approx(0.8)
    assert gain["lied_over_well"] == pytest.approx(1.02)
    none = of_pool(Seconds(without=100.0, scored=100.0, known=100.0, well=90.0, lied=99.0))
    verdicts = {target.what: target.met for target in targets({"a": gain, "b": none})}
    assert verdicts == {
        "a: share of the possible gain": True,
        "a: harm of telemetry that lies at random": True,
        "b: harm of telemetry that lies at random": False,
    }


def test_the_moments_of_onset_are_such_that_knowing_matters() -> None:
    for round_ in FULL.rounds:
        blind = simulate(scenario(FULL, round_), Scheduler())
        assert blind.makespan_seconds > 1.3 * blind.bound_seconds
        assert FULL.quiet_seconds + round_.onset_seconds > 50.0  # What is usual takes so long.
        there = visits(FULL, round_, 1000.0)
        assert [v.slow_factor for v in there if v.slow_from_seconds == 1000.0] == [
            *round_.slow_factors
        ]
        assert len(there) == FULL.workers


def signs(slow: bool) -> Signs:
    begin = ONSET_AT if slow else inf
    visit = Visit(kind="k", start_seconds=0.0, slow_from_seconds=begin, slow_factor=4.0)
    return Signs("w", visit, np.random.default_rng(1))


def test_a_recording_shows_slowness_from_its_onset_on() -> None:
    of_slow = signs(slow=True)
    busy = []
    for end in (ONSET_AT - 1.0, ONSET_AT + 1.0):
        readings = of_slow.window(end).readings
        assert {reading.signal for reading in readings} == set(WELL)
        (value,) = [r.value for r in readings if r.signal == "gpu.busy_share"]
        busy.append(value)
    assert busy[1] < 0.5 * busy[0]


def test_a_worker_can_play_what_was_recorded(tmp_path: Path) -> None:
    path = tmp_path / "recording"
    windows = [signs(slow=False).window(end) for end in (10.0, 11.0)]
    path.write_bytes(lines(windows))
    replay = Replay.of_file(str(path))
    assert replay.read(500.0) == [tuple(reading) for reading in windows[0].readings]
    assert replay.read(500.5) == []
    assert replay.read(501.0) == [tuple(reading) for reading in windows[1].readings]


def test_a_recording_is_handed_over_when_its_worker_asks(tmp_path: Path) -> None:
    recordings = Recordings(tmp_path, 1010.0, np.random.default_rng(1))
    path = recordings.add("w", Visit(kind="k", start_seconds=0.0))
    assert recordings.hand_over(990.0) == 1  # Nobody asks yet.
    read: list[Replay] = []
    worker = threading.Thread(target=lambda: read.append(Replay.of_file(str(path))))
    worker.start()
    while recordings.hand_over(1000.0):
        worker.join(0.01)
    worker.join()
    (replay,) = read
    given = [replay.read(50.0 + second) for second in range(11)]
    assert [bool(readings) for readings in given] == [True] * 10 + [False]


def sat(makespan: float, *events: Told, off: int = 0) -> Sat:
    findings = tuple(event for event in events if "condition" in event.what)
    changes = tuple(event for event in events if "factor" in event.what)
    return Sat(makespan, off, ONSET_AT, ("slow0", "slow1"), findings, changes)


def found(worker: str, at: float) -> Told:
    return Told(ONSET_AT + at, worker, {"worker": worker, "condition": "PC8"})


def told(worker: str, at: float, factor: float) -> Told:
    return Told(ONSET_AT + at, worker, {"worker": worker, "factor": factor})


def a_round(scored: Sat, off: float = 150.0) -> dict[str, Any]:
    ways: dict[Way, Sat] = {"off": sat(off), "advisory": scored, "known": sat(100.0)}
    return real.of_round(ways) | {"bound_seconds": 80.0}


def test_a_round_says_how_soon_slowness_was_told() -> None:
    events = [found("slow0", -5.0), found("slow0", 12.0), found("slow0", 20.0)]
    events += [told("slow0", 13.0, 1.1), told("slow0", 14.0, 2.5), told("well", 3.0, 1.5)]
    figures = a_round(sat(110.0, *events))
    assert figures["onset_to_finding_seconds"] == [12.0, None]
    assert figures["onset_to_told_seconds"] == [14.0, None]
    assert figures["told_of_workers_that_are_well"] == 1
    assert figures["makespan_seconds"] == {"off": 150.0, "advisory": 110.0, "known": 100.0}


def test_what_is_expected_of_all_rounds() -> None:
    good, late = sat(105.0, found("slow0", 12.0)), sat(150.0, off=1)
    figures = real.figures_of([a_round(good), a_round(good)])
    assert figures["share_of_possible_gain"] == pytest.approx(0.9)
    assert figures["known_over_bound"] == pytest.approx(1.25)
    assert figures["onset_to_finding_seconds"]["median"] == 12.0
    assert figures["onset_to_finding_never"] == 2
    assert figures["onset_to_told_seconds"] is None
    assert [target.met for target in real.targets(figures)] == [True, True]
    figures = real.figures_of([a_round(good), a_round(late)])
    assert [target.met for target in real.targets(figures)] == [False, False]
    nothing_to_gain = real.figures_of([a_round(sat(100.0), off=100.0)])
    assert nothing_to_gain["share_of_possible_gain"] is None
    assert len(real.targets(nothing_to_gain)) == 1
