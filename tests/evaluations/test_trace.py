"""The trace evaluation: its script, what it makes of a live run, and where it refuses to begin."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from evaluations.trace.measuring import of_round, of_script, targets
from evaluations.trace.playing import Played, rows_off
from evaluations.trace.script import (
    FULL,
    NOTICE_SECONDS,
    QUICK,
    SPEEDS,
    Group,
    Plan,
    costs,
    scenario,
    visits,
)
from evaluations.trace.workload import expected
from pcm.core.scheduler import Scheduler
from pcm.engines.simulated import Outcome, simulate
from tests.evaluations import program


def plan(*groups: Group) -> Plan:
    return Plan(rounds=1, groups=groups, items=10, mean_cost=0.5, load_seconds=1.0)


def test_a_group_comes_and_goes_one_after_the_other() -> None:
    there = visits(plan(Group("swift", 2, 3.0, 9.0, "notice"), Group("slow", 2, 0.0)))
    assert [(v.kind, v.start_seconds, v.end_seconds, v.notice_seconds) for v in there] == [
        ("slow", 0.0, math.inf, 0.0),
        ("slow", 0.0, math.inf, 0.0),
        ("swift", 3.0, 9.0, NOTICE_SECONDS),
        ("swift", 3.5, 9.1, NOTICE_SECONDS),
    ]


@pytest.mark.parametrize("chosen", [FULL, QUICK], ids=["full", "quick"])
def test_the_script_is_what_was_asked_for(chosen: Plan) -> None:
    """Forty of four speeds, of which as many are killed as are told; enough stay to finish."""
    told = of_script(chosen)
    assert told["most_at_once"] == 40
    assert all(kind["workers"] >= 6 for kind in told["by_kind"].values())
    assert {kind["speed"] for kind in told["by_kind"].values()} == set(SPEEDS.values())
    assert abs(told["kills"] - told["notices"]) <= 1
    leave = [visit for visit in visits(chosen) if math.isfinite(visit.end_seconds)]
    outcome = simulate(scenario(chosen), Scheduler())
    assert outcome.makespan_seconds > max(visit.end_seconds for visit in leave)
    assert outcome.evictions == len(leave)


def test_costs_are_always_the_same() -> None:
    assert (costs(QUICK) == costs(QUICK)).all()
    assert costs(QUICK).mean() == pytest.approx(QUICK.mean_cost)


def test_rows_that_are_lost_twice_or_wrong_are_counted(tmp_path: Path) -> None:
    good = [f'{{"id": {n}, "value": "{expected(n)}"}}\n' for n in range(4)]
    path = tmp_path / "results.jsonl"
    path.write_text("".join(good))
    assert rows_off(path, 4) == (0, 0, 0)
    path.write_text("".join([*good[:2], good[0], '{"id": 3, "value": "x"}\n', '{"id": 9}\n']))
    assert rows_off(path, 4) == (1, 1, 2)


BEFORE = Outcome(
    makespan_seconds=50.0,
    bound_seconds=48.0,
    useful_seconds=900.0,
    lost_seconds=10.0,
    loading_seconds=90.0,
    idle_seconds=0.0,
    no_work_seconds=0.0,
    items=10,
    batches=5,
    loads=40,
    evictions=20,
    duplicates=0,
    events=100,
)


def played(makespan: float, replayed: float, efficiency: float, *, lost: int = 0) -> Played:
    report: dict[str, Any] = {
        "bound_seconds": makespan * efficiency,
        "efficiency": efficiency,
        "replay": {"measured_seconds": makespan, "predicted_seconds": replayed},
        "split": {"useful_seconds": 90.0, "loading_seconds": 10.0},
        "workers": [{"left": "lost"}, {"left": "evicted"}, {"left": ""}],
        "context_loads": 3,
        "batches": 7,
        "lost_batches": 1,
        "duplicates": 0,
    }
    return Played(report, lost, 0, 0, 1, 1, [])


def test_a_round_is_held_against_both_predictions() -> None:
    figures = of_round(played(52.0, 50.0, 0.912), BEFORE)
    assert figures["live_over_replay"] == pytest.approx(1.04)
    assert figures["live_over_predicted"] == pytest.approx(1.04)
    assert figures["efficiency_over_predicted"] == pytest.approx(0.95)
    assert (figures["workers"], figures["workers_lost"], figures["workers_evicted"]) == (3, 1, 1)
    assert figures["split_percent"] == {"useful": 90.0, "loading": 10.0}


def test_what_is_expected() -> None:
    good = of_round(played(50.0, 49.0, 0.95), BEFORE)
    assert all(target.met for target in targets([good]))
    # Faster than the replay is as wrong as slower; and one bad round is enough for it.
    fast = of_round(played(50.0, 53.0, 0.95), BEFORE)
    missed = [target.what for target in targets([good, fast, good]) if not target.met]
    assert missed == ["live makespan off the replay's, worst round"]
    poor = of_round(played(60.0, 60.0, 0.85, lost=1), BEFORE)
    missed = [target.what for target in targets([good, poor, poor]) if not target.met]
    assert missed == ["rows lost, all rounds", "live efficiency over the predicted, median"]


def test_without_taskvine_it_says_where_to_run_it() -> None:
    program.assert_refuses_without_taskvine("trace")
