"""``pcm glidein`` with a schedd that is told how to behave."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from condor import Glideins, materials
from condor.faults import CondorError
from condor.jobs import JobId
from condor.matching import Demand, Match
from condor.queue import QueuedJob
from pcm.cli.app import app
from pcm.cli.glidein.naming import name_by_hand, note_place
from pcm.cli.glidein.recall import recall
from pcm.cli.supply import Supply
from pcm.engines import invitation
from pcm.journal import Journal
from pcm.manager.home import ID_FILE
from tests.cli.conftest import Project
from tests.cli.runs_with_glideins import begun

pytest.importorskip("htcondor2")

CLASSES = (Glideins(name="big", most=3, gpu_memory="40 GB"), Glideins(name="any", most=2))


class Schedd:
    """In place of ``condor.client.Client``, for all places."""

    def __init__(self) -> None:
        self.here: list[QueuedJob] = []
        self.places: list[tuple[str, str]] = []
        self.submitted: list[tuple[dict[str, str], int]] = []
        self.forced: list[JobId] = []
        self.trouble: CondorError | None = None
        self.found = Match(12, 12, "12 of 12 GPUs match")
        self.open = 0

    def __call__(self, collector: str, name: str) -> Schedd:
        self.places.append((collector, name))
        self.open += 1
        return self

    def jobs(self, run: str) -> list[QueuedJob]:
        if self.trouble is not None:
            raise self.trouble
        return [job for job in self.here if not run or job.run == run]

    def submit(self, commands: dict[str, str], count: int) -> list[JobId]:
        self.submitted.append((commands, count))
        return [(7, proc) for proc in range(count)]

    def remove(self, jobs: Sequence[JobId], reason: str, *, force: bool = False) -> None:
        if force:
            self.forced += jobs
        stay = [job for job in self.here if job.job not in jobs]
        silent = [job for job in self.here if job.job in jobs and job.machine and not force]
        self.here = stay + [queued(job.job[0], 3, run=job.run, machine="m") for job in silent]

    def match(self, demand: Demand) -> Match:
        return self.found

    def close(self) -> None:
        self.open -= 1


def queued(cluster: int, status: int, class_: str = "big", run: str = "r1", **more: Any) -> Any:
    return QueuedJob((cluster, 0), status, class_, run, "here:9", **more)


@pytest.fixture
def schedd(monkeypatch: pytest.MonkeyPatch) -> Schedd:
    schedd = Schedd()
    monkeypatch.setattr("condor.client.Client", schedd)
    return schedd


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run that was begun with glideins, whose jobs are called ``r1``."""
    begun(tmp_path / "run", Supply(CLASSES, host="reach.me"))
    (tmp_path / "run" / "manager").mkdir()
    (tmp_path / "run" / "manager" / ID_FILE).write_text("r1\n")
    return tmp_path / "run"


@pytest.fixture
def manager(run: Path, tmp_path: Path) -> Any:
    """One that is at work on it."""
    (tmp_path / "secret").write_text("open sesame")
    journal = Journal.open(run)
    invitation.post(run, invitation.Invitation(9123, str(tmp_path / "secret")))
    yield
    journal.close()


def pcm(*arguments: object) -> tuple[int, str]:
    """Exit code, and all that is said."""
    answer = CliRunner().invoke(app, ["glidein", *map(str, arguments)])
    assert answer.exception is None or isinstance(answer.exception, SystemExit), answer.exception
    return answer.exit_code, answer.output


HELD: dict[str, Any] = {"hold_reason": "used 9 GB", "hold_code": 34}


def test_status_tells_jobs_by_run_and_class(schedd: Schedd) -> None:
    schedd.here = [
        *(queued(1, 1), queued(2, 2), queued(3, 6), queued(4, 3), queued(9, 4)),
        *(queued(5, 5, "any", **HELD), queued(6, 5, "any", **HELD), queued(7, 1, run="r2")),
    ]
    code, said = pcm("status", "--json")
    classes = json.loads(said)["classes"]
    assert code == 0
    assert [(one["run"], one["name"]) for one in classes] == [
        ("r1", "any"),
        ("r1", "big"),
        ("r2", "big"),
    ]
    assert [classes[1][name] for name in ("queued", "running", "leaving")] == [1, 2, 1]
    assert classes[0]["held"] == [
        {
            "reason": "used 9 GB",
            "mend": "it used more memory than it had asked for: give a larger `memory`",
            "jobs": 2,
        }
    ]
    code, said = pcm("status")
    assert "run r1, manager at here:9\n  any: 0 queued, 0 running, 2 held" in said
    assert "2 held: used 9 GB\n      mend: it used more memory" in said
    assert schedd.open == 0


def test_status_of_one_run(schedd: Schedd, run: Path) -> None:
    schedd.here = [queued(7, 1, run="r2")]
    assert pcm("status", run) == (0, "no glideins are in the queue\n")
    (run / "glideins").mkdir()
    (run / "glideins" / "id").write_text("r2\n")
    assert pcm("status", run)[1].startswith("run r2,"), "by hand"


def test_status_asks_every_schedd_of_the_run(schedd: Schedd, tmp_path: Path) -> None:
    far = Glideins(name="far", most=1, schedd="s", collector="c")
    begun(tmp_path / "run", Supply((*CLASSES, far)))
    assert pcm("status", tmp_path / "run")[0] == 0
    assert schedd.places == [("", ""), ("c", "s")]
    assert pcm("status", tmp_path / "run", "--schedd", "t")[0] == 0
    assert schedd.places[2:] == [("", "t")]
    begun(tmp_path / "far", Supply((far,)))
    assert pcm("status", tmp_path / "far")[0] == 0
    assert schedd.places[3:] == [("c", "s")], "there may be no schedd here"


def test_what_htcondor_refuses_is_told_with_its_mend(schedd: Schedd) -> None:
    schedd.trouble = CondorError("there is no schedd here", "go to a submit node")
    code, said = pcm("status", "--json")
    assert code == 1
    assert (
        "there is no schedd here; go to a submit node" in json.loads(said.splitlines()[-1])["error"]
    )


def test_what_is_no_run_gives_2(schedd: Schedd, tmp_path: Path) -> None:
    for arguments in (("status",), ("remove",), ("submit", 1), ("show",)):
        code, said = pcm(arguments[0], tmp_path, *arguments[1:])
        assert (code, "holds no run" in said or "no run" in said) == (2, True), said


def test_remove_takes_those_of_one_run(schedd: Schedd, run: Path) -> None:
    schedd.here = [queued(1, 1), queued(2, 2, machine="m"), queued(7, 1, run="r2")]
    kept = run / "manager" / "glideins" / materials.PASSWORD
    kept.parent.mkdir()
    kept.touch()
    code, said = pcm("remove", run)
    assert (code, said) == (
        0,
        "2 glideins removed\n1 on the way out: see pcm glidein status\n",
    )
    assert kept.exists()
    code, said = pcm("remove", run, "--force", "--json")
    assert json.loads(said) == {"removed": 0, "leaving": 0}
    assert schedd.forced == [(2, 0)]
    assert [job.run for job in schedd.here] == ["r2"]
    assert not kept.exists()
    assert pcm("remove", run) == (0, "nothing to remove\n")


def test_remove_takes_all_only_when_told(schedd: Schedd, run: Path) -> None:
    schedd.here = [queued(1, 1), queued(7, 1, run="r2")]
    assert pcm("remove")[0] == pcm("remove", run, "--all")[0] == 2
    assert len(schedd.here) == 2
    assert pcm("remove", "--all") == (0, "2 glideins removed\n")
    assert schedd.here == []


def test_remove_leaves_those_of_a_manager_at_work(schedd: Schedd, run: Path, manager: None) -> None:
    schedd.here = [queued(1, 1)]
    code, said = pcm("remove", run)
    assert code == 2
    assert "a manager is at work on this run" in said
    assert len(schedd.here) == 1


def test_submit_gives_jobs_the_manager_at_work(schedd: Schedd, run: Path, manager: None) -> None:
    code, said = pcm("submit", run, 2, "--class", "any", "--json")
    assert code == 0, said
    answer = json.loads(said)
    name = (run / "glideins" / "id").read_text().strip()
    assert answer == {"class": "any", "run": name, "jobs": ["7.0", "7.1"]}
    ((commands, count),) = schedd.submitted
    assert count == 2
    assert commands["My.PcmManager"] == '"reach.me:9123"'
    assert commands["My.PcmRun"] == f'"{name}"'
    folder = Path(commands["initialdir"])
    assert (folder / materials.PASSWORD).read_text() == "open sesame"
    assert os.access(folder / materials.STUB, os.X_OK)
    assert "submitted 7.0" in pcm("submit", run, 1, "--class", "big")[1]
    assert schedd.submitted[1][0]["My.PcmRun"] == f'"{name}"', "the same name again"


def test_what_waits_too_long_leaves_by_itself(schedd: Schedd, run: Path, manager: None) -> None:
    said = pcm("submit", run, 1, "--class", "any", "--wait", "90 min")[1]
    assert "running ones leave 10 min 0 s after" in said
    assert "ones that wait after 1 h 30 min" in said
    fate = schedd.submitted[0][0]["periodic_remove"]
    assert fate.endswith("|| ((JobStatus == 1) && (time() - EnteredCurrentStatus > 5400))")
    assert pcm("submit", run, 1, "--class", "any", "--wait", "long")[0] == 2
    assert len(schedd.submitted) == 1


def test_places_of_jobs_by_hand_are_asked_too(schedd: Schedd, run: Path) -> None:
    note_place(run, "c", "s")
    note_place(run, "", "")
    note_place(run, "c", "s")
    assert pcm("status", run)[0] == 0
    assert schedd.places == [("", ""), ("c", "s")]


def test_the_end_of_a_run_takes_jobs_by_hand_along(schedd: Schedd, run: Path) -> None:
    name_by_hand(run, make=True)
    password = run / "glideins" / materials.PASSWORD
    password.touch()
    schedd.trouble = CondorError("there is no schedd here", "go to a submit node")
    assert recall(run) == [], "perhaps nobody has submitted any"
    note_place(run, "", "")
    (line,) = recall(run)
    assert "may be left (there is no schedd here; go to a submit node)" in line
    assert line.endswith(f": pcm glidein remove {run} there")
    assert password.exists()
    schedd.trouble = None
    name = name_by_hand(run)
    schedd.here = [queued(1, 1, run=name), queued(2, 3, run=name), queued(7, 1, run="r2")]
    assert recall(run) == ["1 glidein submitted by hand taken off the queue"]
    assert [job.run for job in schedd.here] == [name, "r2"]
    assert not password.exists()
    assert recall(run) == []


def test_jobs_by_hand_of_another_machine_are_told_of(
    schedd: Schedd, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name_by_hand(run, make=True)
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr("socket.gethostname", lambda: "elsewhere")
        note_place(run, "", "")
    (line,) = recall(run)
    assert line.startswith("glideins submitted by hand on elsewhere may be left")
    assert schedd.places == []


def test_submit_wants_one_class(schedd: Schedd, run: Path, manager: None) -> None:
    assert "there are several: big, any; name one" in pcm("submit", run, 1)[1]
    assert "no class is called 'a'; there is big, any" in pcm("submit", run, 1, "--class", "a")[1]
    assert schedd.submitted == []


def test_submit_says_what_the_pool_lacks(schedd: Schedd, run: Path, manager: None) -> None:
    schedd.found = Match(12, 0, "0 of 12 GPUs match; 9 would with gpu_memory <= 10 GB")
    code, said = pcm("submit", run, 1, "--class", "big")
    assert code == 2
    assert "class big: 0 of 12 GPUs match; 9 would with gpu_memory <= 10 GB" in said
    assert schedd.submitted == []
    schedd.found = Match(0, 0, "0 of 0 GPUs match")
    assert pcm("submit", run, 1, "--class", "big")[0] == 0, "machines may come"


def test_submit_needs_a_manager_at_work(schedd: Schedd, run: Path) -> None:
    code, said = pcm("submit", run, 1, "--class", "big")
    assert code == 2
    assert "no manager works on this run" in said
    assert schedd.submitted == []


def test_classes_for_a_run_without_come_from_a_file(
    schedd: Schedd, tmp_path: Path, project: Project
) -> None:
    begun(tmp_path / "run", Supply())
    (tmp_path / "secret").write_text("x")
    journal = Journal.open(tmp_path / "run")
    invitation.post(tmp_path / "run", invitation.Invitation(9, str(tmp_path / "secret")))
    try:
        code, said = pcm("submit", tmp_path / "run", 1)
        assert code == 2
        assert "was begun without glideins; name a run file" in said
        file = project.folder / "run.yaml"
        assert "declares no glideins" in pcm("submit", tmp_path / "run", 1, "--from", file)[1]
        file.write_text(file.read_text() + "glideins: [{name: x, most: 1}]\n")
        assert pcm("submit", tmp_path / "run", 1, "--from", file)[0] == 0
    finally:
        journal.close()
    assert schedd.submitted[0][0]["My.PcmClass"] == '"x"'


def test_show_prints_what_condor_submit_takes(project: Project) -> None:
    htcondor2 = pytest.importorskip("htcondor2")
    file = project.folder / "run.yaml"
    file.write_text(file.read_text() + "glideins: [{name: x, most: 1}, {name: y, most: 2}]\n")
    code, said = pcm("show", file)
    assert code == 0
    assert "# Glideins of class y, 2 at most.\n# MANAGER_HOST:PORT, RUN and DIRECTORY stand" in said
    code, said = pcm("show", file, "--class", "x")
    assert "class y" not in said
    description = htcondor2.Submit(said)
    assert description["My.PcmClass"] == '"x"'
    assert "MANAGER_HOST:PORT" in description["arguments"]


def test_show_of_a_run_at_work_can_be_submitted_as_it_is(run: Path, manager: None) -> None:
    code, said = pcm("show", run, "--class", "big")
    assert code == 0, said
    assert "reach.me:9123" in said
    assert f"executable = {run}/glideins/{materials.STUB}" in said
    assert (run / "glideins" / materials.STUB).is_file()


def test_without_a_host_of_its_own_the_manager_is_known_by_its_notes(
    schedd: Schedd, tmp_path: Path
) -> None:
    begun(tmp_path / "run", Supply(CLASSES))
    (tmp_path / "secret").write_text("x")
    journal = Journal.open(tmp_path / "run")
    invitation.post(tmp_path / "run", invitation.Invitation(9, str(tmp_path / "secret")))
    try:
        assert pcm("submit", tmp_path / "run", 1, "--class", "any")[0] == 0
    finally:
        journal.close()
    note = invitation.read(tmp_path / "run")
    assert note is not None
    assert note.host == socket.gethostname()
    assert schedd.submitted[0][0]["My.PcmManager"] == f'"{note.hosts[0]}:9"'
