"""The comparison with peers: its parts, and pcm alone on a tiny workload. Nothing is installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from evaluations.peers import ledger, systems
from evaluations.peers.environment import Environment, requirements
from evaluations.peers.figures import bound_seconds, of_run, together
from evaluations.peers.kills import kill_worker
from evaluations.peers.ledger import Kind, Ledger
from evaluations.peers.machines import ZERO, Machine, holder, set_away
from evaluations.peers.measuring import measure, targets
from evaluations.peers.plan import FULL, QUICK
from evaluations.peers.sitting import Outcome
from evaluations.peers.systems import SYSTEMS, RunError, System, absent, run
from evaluations.peers.workload import Workload, answer

TINY = Workload(items=40, mean_seconds=0.002, speeds=(1.0, 4.0), load_seconds=0.0)


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """A directory in which time zero has passed."""
    (tmp_path / ZERO).touch()
    return tmp_path


# -- the work


def test_costs_have_their_mean_and_follow_from_the_seed() -> None:
    costs = Workload(items=500).costs()
    assert sum(costs) == pytest.approx(500 * 0.02)
    assert costs == Workload(items=500).costs() != Workload(items=500, seed=2).costs()
    assert min(costs) > 0


def test_a_workload_survives_its_text() -> None:
    workload = Workload(kill_every_seconds=3.0)
    assert Workload.parse(workload.dump()) == workload


def test_batches_hold_every_item_once() -> None:
    batches = Workload(items=25).batches(10)
    assert [len(batch) for batch in batches] == [10, 10, 5]
    assert [item for batch in batches for item in batch] == list(range(25))


def test_every_machine_has_its_turn_to_be_killed() -> None:
    assert sorted(Workload().victims()) == list(range(8))


# -- machines and their ledger


def test_a_machine_computes_and_writes_down_what_it_does(begun: Path) -> None:
    with closing(Machine(str(begun), TINY.dump())) as machine:
        rows = list(machine.compute([3, 5, 3]))
    assert rows == [(3, answer(3)), (5, answer(5)), (3, answer(3))]
    entries = ledger.read(begun)
    kinds = ["up", "load", "loaded", *["begun", "finished"] * 3]
    assert [entry.kind for entry in entries] == kinds
    assert ledger.count(entries) == ledger.Count(loads=1, duplicates=1, lost=0, kills=())


def test_items_take_what_they_cost_at_that_speed(begun: Path) -> None:
    with closing(Machine(str(begun), TINY._replace(speeds=(2.0,)).dump())) as machine:
        list(machine.compute(range(40)))
    entries = [e for e in ledger.read(begun) if e.kind in ("begun", "finished")]
    # Less only by what sleeps before it were too long.
    assert entries[-1].at_seconds - entries[0].at_seconds >= 0.5 * sum(TINY.costs()) / 2.0


def test_each_machine_is_taken_once_and_free_when_its_process_ends(begun: Path) -> None:
    first = Machine(str(begun), TINY.dump())
    second = Machine(str(begun), TINY.dump())
    assert {first.number, second.number} == {0, 1}
    assert [holder(begun, number) for number in (0, 1)] == [os.getpid()] * 2
    first.close()
    assert holder(begun, 0) == 0
    second.close()


def test_nobody_loads_on_a_machine_that_is_away(begun: Path) -> None:
    until = time.monotonic() + 0.05
    for number in (0, 1):
        set_away(begun, number, until)
    Machine(str(begun), TINY.dump()).close()
    (load,) = [entry for entry in ledger.read(begun) if entry.kind == "load"]
    assert load.at_seconds >= until


def test_a_kill_takes_all_of_the_worker_and_nothing_above(tmp_path: Path) -> None:
    script = (
        "import subprocess, sys\n"
        "child = subprocess.Popen(['sleep', '60'])\n"
        "print(child.pid, flush=True)\n"
        "child.wait()\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as worker:
        assert worker.stdout is not None
        inner = psutil.Process(int(worker.stdout.readline()))
        assert kill_worker(inner.pid, below=[os.getpid()]) == 2
        assert worker.wait(10) == -9
    psutil.wait_procs([inner], timeout=10)
    assert not inner.is_running() or inner.status() == psutil.STATUS_ZOMBIE


def test_what_a_kill_interrupted_is_lost_and_not_a_duplicate(tmp_path: Path) -> None:
    book = Ledger(tmp_path)
    steps: list[tuple[Kind, int]] = [("begun", 1), ("finished", 1), ("begun", 2)]
    steps += [("begun", 2), ("finished", 2)]
    for kind, item in steps:
        book.write(kind, 0, item)
    at = book.write("kill", 0, 3)
    book.close()
    counted = ledger.count(ledger.read(tmp_path))
    assert (counted.duplicates, counted.lost) == (0, 1)
    ((machine, killed_at),) = counted.kills
    assert machine == 0
    assert killed_at == pytest.approx(at, abs=1e-5)


# -- figures


def test_the_bound_of_known_pools() -> None:
    even = Workload(items=100, mean_seconds=0.1, sigma=0.0, speeds=(1.0, 1.0), load_seconds=2.0)
    assert bound_seconds(even, []) == pytest.approx(7.0)
    # Away from 4 to 6, and loading until 8: the other has done 2 + 4 of the 8 that were left then.
    assert bound_seconds(even, [(0, 4.0)]) == pytest.approx(9.0)
    assert bound_seconds(even, [(0, 100.0)]) == pytest.approx(7.0)


def outcome(seconds: float, *, finished: bool = True, missing_rows: int = 0) -> Outcome:
    return Outcome(finished, seconds, 8, 0, 0, (), missing_rows, 0, 0, {})


def test_a_run_that_did_not_finish_has_no_efficiency() -> None:
    good = of_run(TINY, 10, outcome(1.0))
    assert good["efficiency"] == pytest.approx(bound_seconds(TINY, []))
    assert of_run(TINY, 10, outcome(60.0, finished=False, missing_rows=3))["efficiency"] == 0.0


def test_a_peer_has_the_better_of_its_batch_sizes() -> None:
    runs = [of_run(TINY, 10, outcome(s)) for s in (1.0, 2.0, 9.0)]
    runs += [of_run(TINY, 100, outcome(s)) for s in (3.0, 3.0, 3.0)]
    found = together(runs)
    assert found["batch"] == 10
    assert found["makespan_seconds"]["median"] == 2.0
    assert found["efficiency_by_batch"].keys() == {"10", "100"}


def test_what_is_expected() -> None:
    def all_schedules(efficiency: float) -> dict[str, Any]:
        run = of_run(TINY, 0, outcome(1.0)) | {"efficiency": efficiency}
        return {schedule: together([run]) for schedule, _ in FULL.schedules}

    systems = {"dask": all_schedules(0.9), "pcm_local": all_schedules(0.95)}
    verdicts = {t.what: t.met for t in targets({"systems": systems, "failed": {}})}
    assert verdicts["efficiency, pcm_local, kills none"] is False
    assert verdicts["efficiency, pcm_local, kills every_6_s"] is True
    assert verdicts["efficiency, pcm_local, kills none, against the best peer (dask)"] is True
    assert verdicts["rows missing, twice or wrong, pcm_local"] is True
    # It had no run at all.
    assert verdicts["efficiency, pcm_taskvine, kills every_3_s"] is False


# -- who is there


def test_every_peer_names_a_pinned_package() -> None:
    pinned = requirements()
    assert all("==" in requirement for requirement in pinned.values())
    wanted = {system.package for system in SYSTEMS.values() if system.place == "peers"}
    assert wanted <= pinned.keys()


def test_who_cannot_be_installed_is_absent_with_the_reason() -> None:
    found = absent({"ray": "no such version"})
    assert found["ray_data"] == found["ray_actor_pool"] == "no such version"
    assert "dask" not in found
    assert "pcm_local" not in found


def test_a_program_that_fails_says_why() -> None:
    with pytest.raises(RunError, match="No module named"):
        run(System(("no_such_program",), "here"), TINY, 10, Environment())


@pytest.mark.kills
def test_pcm_is_exact_and_every_figure_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = {name: SYSTEMS[name] for name in ("dask", "pcm_local")}
    monkeypatch.setattr("evaluations.peers.measuring.SYSTEMS", alone)
    monkeypatch.setattr(systems, "SYSTEMS", alone)
    missing = dict.fromkeys(requirements(), "is not installed")
    monkeypatch.setattr(Environment, "lacking", lambda _: missing)
    figures, _ = measure(QUICK, lambda _: None)
    assert figures["absent"] == {"dask": "is not installed"}
    assert figures["failed"] == {}
    assert figures["systems"].keys() == {"pcm_local"}
    for schedule in ("none", "every_1_s"):
        found = figures["systems"]["pcm_local"][schedule]
        assert found["unfinished"] == 0
        assert found["missing_rows"] == found["duplicate_rows"] == found["wrong_rows"] == 0
        assert found["loads"]["median"] >= 2
        assert 0.0 < figures["efficiency"]["pcm_local"][schedule] <= 1.0
    (killed,) = figures["runs"]["pcm_local"]["every_1_s"]
    assert killed["kills"] >= 1
    assert json.loads(json.dumps(figures)) is not None
