"""Glideins from the command line: run files, `pcm glidein`, `pcm doctor`, on a real pool."""

from __future__ import annotations

import signal
import subprocess

import pytest

from condor.personal_pool import CondorPool
from condor.provisioner import origin
from pcm.doctor.htcondor import htcondor
from tests.cli.conftest import RUN, ended
from tests.cluster.needs import needs_htcondor, needs_taskvine
from tests.cluster.projects import CLASS, ClusterProject
from tests.cluster.test_taskvine_workers import free_port
from tests.cluster.waiting import until

pytestmark = [pytest.mark.cluster, needs_htcondor, needs_taskvine]

SLOW = RUN + "arguments: {pause: 0.02}\nbatch: 5\nhost: 127.0.0.1\n"
GLIDEINS = f"glideins:\n  - name: any\n    most: 3\n{CLASS}"


def has_worked(project: ClusterProject, manager: subprocess.Popen[str]) -> None:
    """Wait for its first results."""
    until(
        lambda: project.finished() > 5,
        lambda: project.pcm("glidein", "status", "out"),
        manager=manager,
    )


def test_a_run_file_with_glideins_is_resumed_with_the_same_ones(
    pool: CondorPool, project: ClusterProject
) -> None:
    project.items(600)
    project.write(SLOW + GLIDEINS)
    first = project.start("run", "run.yaml")
    try:
        has_worked(project, first)
        shown = project.pcm("glidein", "show", "out", "--class", "any")
        assert shown.code == 0, shown
        file = project.folder / "any.sub"
        file.write_text(shown.stdout)
        assert 'PcmClass="any"' in pool.run("condor_submit", "-dry-run", "-", str(file))
    finally:
        first.send_signal(signal.SIGKILL)
        ended(first)
    standing = project.pcm("glidein", "status", "out", "--json").answer["classes"]
    assert [one["name"] for one in standing] == ["any"]
    jobs = {(int(cluster), int(proc)) for cluster, proc in pool.queue("ClusterId", "ProcId")}
    assert jobs
    end = project.pcm("resume", "out", "--json", timeout=180.0)
    assert end.code == 3, end
    assert (end.answer["succeeded"], end.answer["failed"]) == (599, 1)
    assert pool.queue("ClusterId") == []
    came_from = {origin(row["provenance"]["worker"]) for row in project.rows()}
    assert {one.job for one in came_from if one is not None} <= jobs
    assert None not in came_from


def test_glideins_by_hand_serve_a_manager_without_any(
    pool: CondorPool, project: ClusterProject
) -> None:
    project.items(100)
    port = str(free_port())
    project.write(SLOW + f"engine: taskvine\nengine_options: {{listen: {port}}}\n")
    text = (project.folder / "run.yaml").read_text()
    classes = text.replace(f"engine: taskvine\nengine_options: {{listen: {port}}}\n", GLIDEINS)
    (project.folder / "classes.yaml").write_text(classes)
    project.write(text.replace("host: 127.0.0.1\n", ""))
    manager = project.start("run", "run.yaml", "--workers", "0")
    note = project.folder / "out" / "manager.json"
    until(note.exists, manager=manager)
    submit = project.pcm("glidein", "submit", "out", "2", "--from", "classes.yaml", "--json")
    assert submit.code == 0, submit
    assert len(submit.answer["jobs"]) == len(pool.queue("ClusterId")) == 2
    end = ended(manager, 180.0)
    assert end.code == 3, end
    removed = project.pcm("glidein", "remove", "out", "--json")
    assert removed.code == 0, removed
    pool.clear_queue()


def test_glideins_by_hand_stay_beside_the_managers_own(
    pool: CondorPool, project: ClusterProject
) -> None:
    project.items(5000)
    project.write(SLOW + GLIDEINS.replace("most: 3", "most: 1"))
    manager = project.start("run", "run.yaml")
    has_worked(project, manager)
    assert project.pcm("glidein", "remove", "out").code == 2, "a manager is at work"
    by_hand = project.pcm("glidein", "submit", "out", "1", "--json").answer["run"]
    answer = project.pcm("glidein", "status", "out", "--json").answer
    assert {by_hand} < {one["run"] for one in answer["classes"]}
    assert sum(one["running"] + one["queued"] for one in answer["classes"]) == 2
    manager.send_signal(signal.SIGINT)
    assert ended(manager).code == 130
    left = project.pcm("glidein", "status", "out", "--json").answer["classes"]
    assert {one["run"] for one in left} <= {by_hand}, "its own are gone"
    assert project.pcm("glidein", "remove", "out").code == 0
    until(lambda: pool.queue("ClusterId") == [], lambda: project.pcm("glidein", "status"))


def test_what_no_machine_has_is_told_before_anything_is_submitted(
    pool: CondorPool, project: ClusterProject
) -> None:
    project.write(SLOW.replace("host: 127.0.0.1\n", "") + "engine: taskvine\n")
    (project.folder / "classes.yaml").write_text(
        SLOW + GLIDEINS.replace("most: 3", "most: 3\n    gpu_memory: 90 GB")
    )
    project.items(2000)
    port = str(free_port())
    manager = project.start("run", "run.yaml", "--workers", "1", "--listen", port)
    try:
        until((project.folder / "out" / "manager.json").exists, manager=manager)
        end = project.pcm("glidein", "submit", "out", "1", "--from", "classes.yaml")
        assert end.code == 2, end
        assert "0 of 8 GPUs match; 2 would with gpu_memory <= " in end.stderr
    finally:
        manager.send_signal(signal.SIGKILL)
        ended(manager)
    assert pool.queue("ClusterId") == []


def test_the_doctor_sees_the_pool(pool: CondorPool, project: ClusterProject) -> None:
    section = htcondor()
    assert section.works, section
    found = {check.name: check.detail for check in section.checks}
    assert found["schedd"] == "answers; 0 glideins in its queue"
    assert "WRITE" in found["submitting"]
    assert len(found["GPUs"].split(", ")) == 3, found
