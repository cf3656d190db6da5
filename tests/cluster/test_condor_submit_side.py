"""What the submit node of a real pool has for a run with glideins: its beginning, what is said
meanwhile, its end, and what HTCondor refuses."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import pcm
from condor import sleepers
from condor.client import Client
from condor.description import describe
from condor.faults import CondorError
from condor.fleet import Policy
from condor.glideins import Glideins
from condor.invitation import Invitation
from condor.materials import lay_out
from condor.personal_pool import CondorPool, Machine, ordinary_user
from condor.prospects import check
from condor.provisioner import Provisioner, origin
from pcm.core.events import ProvisionFailed
from pcm.doctor.htcondor import htcondor
from pcm.errors import InputError
from tests.cli.conftest import RUN, ended
from tests.cluster import rootfs
from tests.cluster.glidein_classes import glideins
from tests.cluster.glidein_runs import begun_and_killed, manager_with
from tests.cluster.needs import needs_htcondor, needs_taskvine
from tests.cluster.projects import CLASS, ClusterProject
from tests.cluster.waiting import until
from tests.manager.workloads import digest, expected, salt

pytestmark = [pytest.mark.cluster, needs_htcondor, needs_taskvine]

SLOW = RUN + "arguments: {pause: 0.05}\nbatch: 5\n"
NOWHERE = (
    "glideins:\n  - name: nowhere\n    most: 3\n    check_match: false\n"
    f'    requirements: Machine == "nowhere"\n{CLASS}'
)
SMALL = (Machine("ada", 4, 1),)
TOKENS = {
    "SEC_DEFAULT_AUTHENTICATION_METHODS": "FS, IDTOKENS",
    "MAX_JOBS_PER_OWNER": "2",
    "SUBMIT_REQUIREMENT_NAMES": "Project",
    "SUBMIT_REQUIREMENT_Project": "ProjectName =!= undefined",
    "SUBMIT_REQUIREMENT_Project_REASON": '"name a project"',
}


# -- the beginning ---------------------------------------------------------------------------------


def test_a_run_begun_from_python_is_resumed_with_its_glideins(
    pool: CondorPool, project: ClusterProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(project.folder / "state"))
    jobs = begun_and_killed(pool, project.folder / "out", 400)
    standing = project.pcm("glidein", "status", "out", "--json").answer["classes"]
    assert [one["name"] for one in standing] == ["any"]
    end = project.pcm("resume", "out", "--json", timeout=180.0)
    assert (end.code, end.answer["succeeded"]) == (0, 400), end
    assert f"found {len(jobs)} glideins of this run again" in end.stderr
    came_from = {origin(row["provenance"]["worker"]) for row in project.rows()}
    assert {one.job for one in came_from if one is not None} <= jobs
    assert pool.queue("ClusterId") == []


def test_what_no_machine_has_is_refused_before_anything_starts(
    pool: CondorPool, project: ClusterProject
) -> None:
    home = project.folder / "home"
    with pytest.raises(InputError, match="class big: 0 of 8 GPUs match; 2 would with gpu_memory"):
        pcm.Manager("taskvine", glideins=[glideins("big", gpu_memory="90 GB")], home=home)
    assert not home.exists()
    project.write(SLOW + f"glideins:\n  - name: big\n    most: 1\n    gpu_memory: 90 GB\n{CLASS}")
    end = project.pcm("run", "run.yaml", "--json")
    assert end.code == 2, end
    assert "class big: 0 of 8 GPUs match" in end.answer["error"]
    assert pool.queue("ClusterId") == []


def test_an_image_needs_machines_that_can_run_it(pool: CondorPool, directory: Path) -> None:
    """Those of this pool have nothing that could."""
    text = refused(glideins(image="docker://org/worker:1"))
    assert "0 of 8 GPUs match; 8 would without image" in text


def test_machines_that_are_busy_now_match(pool: CondorPool, directory: Path) -> None:
    job = directory / "job"
    job.write_text(sleepers.description("ada", directory, 600.0, gpus=2))
    pool.run("condor_submit", str(job))
    until(
        lambda: pool.queue("JobStatus") == [["2"]],
        lambda: "\n".join(
            [
                pool.run("condor_q", "-af:t", "JobStatus", "HoldReason"),
                pool.run("condor_q", "-better-analyze"),
                pool.run("condor_status", "-af", "Name", "State", "Activity", "GPUs"),
                pool.log("NegotiatorLog")[-4000:],
                pool.log("SchedLog")[-4000:],
            ]
        ),
    )
    assert check([glideins("big", gpu_memory="40 GB")]) == []
    varying = glideins("now", requirements='State == "Nowhere"')
    assert check([varying]) == [], "it may be otherwise later"


def test_a_home_in_tmp_will_do(pool: CondorPool, directory: Path) -> None:
    with (
        tempfile.TemporaryDirectory(dir="/tmp") as home,
        pcm.Manager("taskvine", glideins=[glideins(most=1)], home=home, host="127.0.0.1") as it,
    ):
        rows = it.map(digest, range(20), context=salt())
        assert {row.key: row.value for row in rows} == expected(20)
    assert pool.queue("ClusterId") == []


# -- meanwhile -------------------------------------------------------------------------------------


def test_progress_shows_glideins_and_why_they_are_held(
    pool: CondorPool, project: ClusterProject
) -> None:
    project.items(150)
    project.write(SLOW + f"host: 127.0.0.1\nglideins:\n  - name: any\n    most: 2\n{CLASS}")
    manager = project.start("run", "run.yaml")
    until(lambda: pool.queue("ClusterId"), manager=manager)
    pool.run("condor_hold", "-reason", "for a test", *pool.queue("ClusterId")[0])
    end = ended(manager, 180.0)
    assert end.code == 3, end
    lines = end.stderr.splitlines()
    held = [line for line in lines if "held: for a test" in line]
    assert len(held) == 1, lines
    assert "condor_release lets it go on" in held[0]
    assert any(line.startswith("glideins: any ") for line in lines), lines
    assert pool.queue("ClusterId") == []


# -- by hand, and the end --------------------------------------------------------------------------


def test_what_was_submitted_by_hand_leaves_with_the_run(
    pool: CondorPool, project: ClusterProject
) -> None:
    gate = project.hold_back()
    project.write(SLOW + "engine: taskvine\n")
    (project.folder / "classes.yaml").write_text(SLOW + NOWHERE)
    manager = project.start("run", "run.yaml", "--workers", "1")
    until((project.folder / "out" / "manager.json").exists, manager=manager)
    submit = project.pcm("glidein", "submit", "out", "2", "--from", "classes.yaml")
    assert submit.code == 0, submit
    assert "and ones that wait after 1 d 0 h" in submit.stdout
    assert len(pool.queue("ClusterId")) == 2
    gate.touch()
    end = ended(manager, 180.0)
    assert end.code == 0, end
    assert "2 glideins submitted by hand taken off the queue" in end.stderr
    assert pool.queue("ClusterId") == []
    assert not (project.folder / "out" / "glideins" / "pcm-password").exists()


def test_by_hand_beside_a_manager_of_a_program_and_for_a_while(
    pool: CondorPool, project: ClusterProject
) -> None:
    (project.folder / "classes.yaml").write_text(SLOW + NOWHERE)
    with manager_with(project.folder, glideins(most=1)) as manager:
        run = manager.map(
            digest.bind(seconds=0.05),
            range(2000),
            context=salt(),
            directory=project.folder / "out",
        )
        hand = ("glidein", "submit", "out", "1", "--from", "classes.yaml", "--json")
        first = project.pcm(*hand, "--wait", "1 s").answer["jobs"][0]
        until(lambda: [first.split(".")[0]] not in pool.queue("ClusterId"))
        second = project.pcm(*hand).answer["jobs"][0]
        assert [second.split(".")[0]] in pool.queue("ClusterId")
        run.cancel()
    assert pool.queue("ClusterId") == []


# -- what HTCondor refuses -------------------------------------------------------------------------


def refused(*classes: Glideins) -> str:
    with pytest.raises(InputError) as caught:
        check(classes)
    return str(caught.value)


def is_refused(class_: Glideins) -> bool:
    try:
        check([class_])
    except InputError:
        return True
    return False


def test_schedds_that_are_not_there_or_elsewhere(
    pool: CondorPool, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "has no schedd 'nowhere'; it has 127-0-0-1.pool" in refused(glideins(schedd="nowhere"))
    assert check([glideins(schedd="127-0-0-1.pool")]) == [], "this machine's, by its name"
    ad = directory / "ad"
    ad.write_text(
        'MyType = "Scheduler"\nName = "far.example.org"\nMachine = "far.example.org"\n'
        'MyAddress = "<192.0.2.1:9618>"\nScheddIpAddr = "<192.0.2.1:9618>"\n'
        'CondorVersion = "$CondorVersion: 23.9.6 2026-07-12 $"\n'
    )
    pool.run("condor_advertise", "UPDATE_SCHEDD_AD", str(ad))
    text = refused(glideins(schedd="far.example.org"))
    assert "the schedd far.example.org is on another machine" in text
    assert "work there" in text
    with monkeypatch.context() as configured:
        configured.setenv("_CONDOR_SCHEDD_HOST", "far.example.org")
        assert "the schedd far.example.org is on another machine" in refused(glideins())
    lines = check([glideins(collector="127.0.0.1:1")])
    assert lines
    assert all("the pool's collector does not answer" in line for line in lines), lines


def test_no_pool_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONDOR_CONFIG", "/dev/null")
    with ordinary_user():
        text = refused(glideins())
    assert "there is no schedd here" in text
    assert "go to a submit node of your pool" in text


@pytest.mark.skipif(os.geteuid() != 0, reason="not root")
def test_jobs_of_root(pool: CondorPool) -> None:
    assert "HTCondor takes no jobs of root; work as an ordinary user" in refused(glideins())


@pytest.fixture
def small(request: pytest.FixtureRequest) -> Iterator[CondorPool]:
    with CondorPool(SMALL, request.param) as pool, ordinary_user() as directory:
        os.environ["PCM_TEST_DIRECTORY"] = str(directory)
        yield pool
        del os.environ["PCM_TEST_DIRECTORY"]


@pytest.mark.parametrize("small", [TOKENS], indirect=True, ids=["tokens"])
def test_tokens_rules_and_limits(small: CondorPool, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = Path(os.environ["PCM_TEST_DIRECTORY"])
    client = Client()
    try:
        with pytest.raises(CondorError, match=r"rule against such jobs .*name a project.*attrib"):
            submit(client, directory, glideins())
        named = glideins(attributes={"+ProjectName": '"p"'})
        submit(client, directory, named, 2)
        with pytest.raises(CondorError, match="takes no more jobs of yours") as caught:
            submit(client, directory, named)
        assert caught.value.transient
    finally:
        client.close()
    folder = directory / "tokens"
    folder.mkdir()
    monkeypatch.setenv("_CONDOR_SEC_CLIENT_AUTHENTICATION_METHODS", "FS")
    short, long = (small.run("condor_token_fetch", "-lifetime", time_) for time_ in ("1", "600"))
    monkeypatch.setenv("_CONDOR_SEC_CLIENT_AUTHENTICATION_METHODS", "IDTOKENS")
    monkeypatch.setenv("_CONDOR_SEC_TOKEN_DIRECTORY", str(folder))
    assert "does not believe who you are" in refused(glideins()), "there is no token"
    file = folder / "token"
    file.write_text(short)
    file.chmod(0o600)
    until(lambda: "expired" in tokens_of_doctor() and is_refused(glideins()))
    text = refused(glideins())
    assert f"does not believe who you are: your token {file} expired at " in text
    assert "condor_token_fetch" in text
    file.write_text(long)
    assert check([glideins()]) == []
    assert "1 token; the last ends in 9 min" in tokens_of_doctor()


@pytest.mark.parametrize("small", [{"MAX_JOBS_PER_OWNER": "3"}], indirect=True, ids=["limit"])
def test_a_limit_is_filled_and_told_once(small: CondorPool) -> None:
    directory = Path(os.environ["PCM_TEST_DIRECTORY"])
    password = directory / "password"
    password.write_text("x")
    failed: list[ProvisionFailed] = []
    said: list[str] = []
    policy = Policy(limit_seconds=0.0)
    it = Provisioner(
        [glideins(most=8)], directory / "jobs", failed.append, say=said.append, policy=policy
    )
    it.start(Invitation("127.0.0.1:1", password), "run")
    try:
        it.want("glidein:any", 8)
        until(lambda: len(small.queue("ClusterId")) == 3 and said)
        until(lambda: it.status()[0].submitted == 3)
    finally:
        it.stop()
    assert [line for line in said if "takes no more jobs of yours" in line] == said[:1]
    assert failed == []
    assert small.queue("ClusterId") == []


def tokens_of_doctor() -> str:
    """In a process of its own: HTCondor's configuration is read once in each."""
    program = "from pcm.doctor.htcondor import htcondor; print(*htcondor().checks, sep='\\n')"
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    (line,) = [line for line in answer.stdout.splitlines() if "name='tokens'" in line]
    return line


@pytest.mark.parametrize(
    "small", [{"SCHEDD.DENY_WRITE": f"{rootfs.USER}@*"}], indirect=True, ids=["denied"]
)
def test_no_permission(small: CondorPool) -> None:
    text = refused(glideins())
    assert "the schedd lets you look, and not submit" in text
    client = Client()
    try:
        with pytest.raises(CondorError, match="HTCondor does not let you do that"):
            submit(client, Path(os.environ["PCM_TEST_DIRECTORY"]), glideins())
    finally:
        client.close()
    found = {check.name: check for check in htcondor().checks}
    assert found["schedd"].state == "ok"
    assert found["submitting"].state == "broken"
    assert "DENIED" in found["submitting"].detail
    assert found["submitting"].mend
    assert found["reaching it"].state == "note"
    assert "A100" in found["GPUs"].detail


def submit(client: Client, directory: Path, class_: Glideins, count: int = 1) -> None:
    password = directory / "password"
    password.write_text("x")
    invitation = Invitation("127.0.0.1:1", password)
    lay_out(directory, invitation)
    client.submit(describe(class_, invitation, "r", directory), count)
