"""What the glideins evaluation makes of its measurements, and where it refuses to begin."""

from __future__ import annotations

import json
import math
import socket
from pathlib import Path
from typing import Any

import pytest

import condor.fleet
import pcm.core.scheduler
from evaluations.glideins import figures, ledger
from evaluations.glideins.desk import Desk, Standing
from evaluations.glideins.dilation import dilated
from evaluations.glideins.ledger import Ledger, Life
from evaluations.glideins.measuring import targets
from evaluations.glideins.plan import FULL, GPUS, QUICK, SPEEDS, Away, Phase
from evaluations.glideins.sitting import Computed, RunDone, Sitting
from pcm.core.policy import Policy
from tests.evaluations import program

LOG = """\
008 (-01.-01.-01) 2026-11-21 10:00:00.000 Global JobLog: ctime=1
000 (001.000.000) 2026-11-21 10:00:00.100 Job submitted from host: <a>
...
000 (001.001.000) 2026-11-21 10:00:00.200 Job submitted from host: <a>
000 (002.000.000) 2026-11-21 10:00:00.500 Job submitted from host: <a>
001 (001.000.000) 2026-11-21 10:00:01.000 Job executing on host: <b>
	SlotName: slot1_1@ada
001 (001.001.000) 2026-11-21 10:00:01.500 Job executing on host: <b>
004 (001.000.000) 2026-11-21 10:00:03.250 Job was evicted.
001 (002.000.000) 2026-11-21 10:00:04.000 Job executing on host: <b>
001 (001.000.000) 2026-11-21 10:00:05.000 Job executing on host: <b>
004 (001.001.000) 2026-11-21 10:00:06.000 Job was evicted.
009 (001.001.000) 2026-11-21 10:00:06.010 Job was aborted.
""".splitlines()


def test_lives_are_read_from_the_log_of_all_jobs() -> None:
    found = ledger.of(LOG, but=[2])
    assert found.submitted == 2
    first, second, third = found.lives
    assert (first.job, first.number, first.how) == ((1, 0), 1, "evicted")
    assert first.end - first.start == pytest.approx(2.25)
    assert (second.job, second.how) == ((1, 1), "removed"), "who is removed is evicted, too"
    assert (third.job, third.number, third.end) == ((1, 0), 2, math.inf)
    assert found.evictions == 1
    assert found.held_seconds(first.start, first.start + 5.0) == pytest.approx(2.25 + 4.5 + 1.0)
    assert [life.job for life in ledger.of(LOG, only=[2]).lives] == [(2, 0)]


def test_the_part_of_a_log_after_an_offset(tmp_path: Path) -> None:
    path = tmp_path / "EventLog"
    path.write_text("\n".join(LOG[:2]) + "\n")
    known = path.stat().st_size
    path.write_text("\n".join(LOG) + "\n")
    assert ledger.read(path, known).submitted == 2
    assert ledger.read(path, 0).submitted == 3


def test_what_is_taken_of_equal_gpus_is_free_no_more() -> None:
    free = sorted(figures.free_intervals([(5.0, 9.0), (6.0, 8.0), (10.0, math.inf)], 2))
    assert free == [(0.0, 5.0), (0.0, 6.0), (8.0, math.inf), (9.0, 10.0)]
    assert list(figures.free_intervals([], 1)) == [(0.0, math.inf)]


def life(number: int, start: float, end: float, how: str = "removed") -> Life:
    return Life((7, 0), number, start, end, how)


def run(name: str, began: float, ended: float, *computed: Computed, taken: Any = ()) -> RunDone:
    phase = Phase(name, tuple(1.0 for _ in computed))
    return RunDone(phase, began, ended, computed, True, tuple(taken))


SITTING = Sitting(
    began=100.0,
    ended=130.0,
    runs=(
        run(
            "one",
            101.0,
            111.0,
            Computed("g.any.7.0.1-ab", 104.0, 105.0),
            Computed("g.any.7.0.2-cd", 109.0, 110.0),
        ),
        run("two", 120.0, 121.0, Computed("g.any.7.0.2-cd", 120.0, 121.0)),
    ),
    jobs=Ledger(1, (life(1, 102.0, 106.0, "evicted"), life(2, 107.0, 125.0))),
    left=0,
)


def test_the_figures_of_a_sitting() -> None:
    found = figures.of_sitting(SITTING, load_seconds=2.0)
    assert found["makespan_seconds"] == {"one": 10.0, "two": 1.0, "together": 11.0}
    assert found["held_gpu_seconds"] == 22.0
    assert found["unused_gpu_seconds"] == 19.0
    parts = found["unused_gpu_seconds_by_part"]
    assert parts == {"before_one": 0.0, "one": 6.0, "before_two": 9.0, "two": 0.0, "end": 4.0}
    assert sum(parts.values()) == found["unused_gpu_seconds"]
    assert found["first_result_seconds_p50"] == 3.0
    assert (found["jobs_submitted"], found["job_starts"], found["evictions"]) == (1, 2, 1)
    speed = sum(SPEEDS[name] * gpus for name, gpus in GPUS.items())
    assert found["bound_seconds"]["one"] == pytest.approx(2.0 + max(2.0 / speed, 1.0 / 3.0))
    assert found["bound_seconds"]["two"] == pytest.approx(1.0 / 3.0), "its context may be there"


def test_the_bound_knows_when_owners_had_gpus() -> None:
    """All fast ones for the whole run: the dearest item has to go on a slower one."""
    fastest = max(SPEEDS, key=lambda name: SPEEDS[name])
    taken = [(Away(0.0, fastest, 1, 100.0), life(1, 101.0, 201.0)) for _ in range(GPUS[fastest])]
    one = run("one", 101.0, 111.0, Computed("", 104.0, 105.0), taken=taken)
    assert figures.bound_seconds(one, 2.0) == pytest.approx(2.0 + 1.0 / 1.5)


def test_rounds_together() -> None:
    rounds: list[dict[str, Any]] = [
        {"a": 1.0, "b": {"c": 5}, "exact": True, "p50": None},
        {"a": 3.0, "b": {"c": 6}, "exact": False, "p50": None},
    ]
    assert figures.together(rounds) == {
        "a": {"median": 2.0, "min": 1.0, "max": 3.0},
        "b": {"c": {"median": 5.5, "min": 5, "max": 6}},
        "exact": False,
        "p50": None,
    }


def one_way(unused: float, seconds: float, *, exact: bool = True) -> dict[str, Any]:
    def around(value: float) -> dict[str, float]:
        return {"median": value, "min": value - 0.5, "max": value + 0.5}

    return {
        "unused_gpu_seconds": around(unused),
        "unused_gpu_seconds_by_part": {"main": around(unused / 2)},
        "makespan_seconds": {"main": around(seconds), "together": around(seconds + 1.0)},
        "exact": exact,
        "left_in_queue": {"median": 0, "min": 0, "max": 0},
    }


def missed(**ways: dict[str, Any]) -> list[str]:
    found = {"slots": 8, "phases": [{"name": "main"}], "provisioners": ways}
    return [target.what for target in targets(found) if not target.met]


def test_what_is_expected() -> None:
    others = {"fixed": one_way(90.0, 20.0), "factory": one_way(80.0, 25.0)}
    assert missed(pcm=one_way(50.0, 20.9), **others) == []
    assert missed(pcm=one_way(85.0, 21.1), **others) == [
        "makespan [s] of 'main', pcm, against fixed with noise of 1.0",
        "makespan [s] of 'together', pcm, against fixed with noise of 1.0",
        "GPU seconds held and not used, pcm, against factory",
        "GPU seconds held and not used of 'main', pcm, against factory",
    ]
    assert missed(pcm=one_way(50.0, 20.0, exact=False), **others) == [
        "provisioners with exact results in all rounds"
    ]


def test_waits_are_shorter_only_meanwhile() -> None:
    with dilated(20.0):
        assert pcm.core.scheduler.Scheduler().policy.idle_cold_seconds == 0.75
        assert pcm.core.scheduler.Scheduler().policy.batch_seconds_max == 30.0
        assert condor.fleet.Policy().release_seconds == 0.75
    assert pcm.core.scheduler.Scheduler().policy == Policy()
    assert condor.fleet.Policy().release_seconds == 15.0


def test_the_desk_answers_as_a_manager_of_taskvine() -> None:
    desk = Desk(lambda: Standing(waiting=40, running=2, workers=1), protocol=12)
    try:
        with socket.create_connection(("127.0.0.1", desk.port), 5) as sock:
            sock.sendall(b"manager_status\n")
            (answer,) = json.loads(sock.makefile().read())
    finally:
        desk.close()
    assert (answer["tasks_waiting"], answer["tasks_on_workers"]) == (40, 2)
    assert (answer["protocol"], answer["workers"]) == (12, 1)


def test_what_owners_want_is_there() -> None:
    for plan in (FULL, QUICK):
        away = [one for phase in plan.phases for one in phase.away]
        assert away
        assert all(one.gpus <= GPUS[one.machine] for one in away)


def test_without_taskvine_it_says_where_to_run_it() -> None:
    program.assert_refuses_without_taskvine("glideins")
