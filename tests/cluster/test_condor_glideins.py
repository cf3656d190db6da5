"""Glideins in a real pool, submitted by hand: they join, are evicted, come again, and leave."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import pcm
from condor import Glideins, materials
from condor.client import Client
from condor.description import describe
from condor.invitation import Invitation
from condor.jobs import JobEvent, JobId
from condor.personal_pool import CondorPool
from condor.provisioner import origin
from pcm.core.commands import Retire
from pcm.core.events import WorkerJoined, WorkerLeft, WorkerNotice
from tests.cluster.engine_driving import Drive, driving
from tests.cluster.glidein_classes import glideins
from tests.cluster.glidein_runs import digests
from tests.cluster.needs import needs_htcondor, needs_taskvine
from tests.cluster.passwords import password_file
from tests.manager.disturbing import events
from tests.manager.workloads import expected

pytestmark = [pytest.mark.cluster, needs_htcondor, needs_taskvine]

DEADLINE_SECONDS = 30.0


@pytest.fixture
def schedd(directory: Path) -> Iterator[Client]:
    schedd = Client()
    yield schedd
    schedd.close()


class Submitted:
    """A class of glideins that has been submitted."""

    def __init__(
        self,
        invitation: Invitation,
        schedd: Client,
        directory: Path,
        class_: Glideins,
        count: int = 1,
    ) -> None:
        self._schedd, self._log = schedd, materials.log(directory, class_.name)
        materials.lay_out(directory, invitation)
        self.jobs = schedd.submit(describe(class_, invitation, "test", directory), count)

    def until(self, matches: Callable[[JobEvent], bool], count: int = 1) -> list[JobEvent]:
        """So many such events since the beginning. Raises AssertionError if they do not come."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            events = self._schedd.events(self._log, 0)
            found = [event for event in events if matches(event)]
            if len(found) >= count:
                return found
            assert time.monotonic() < deadline, events
            time.sleep(0.05)


def invitation(drive: Drive) -> Invitation:
    address = f"127.0.0.1:{drive.engine.port}"
    return Invitation(address, drive.engine.password_file, patience_seconds=20)


@pytest.fixture
def password(directory: Path) -> Path:
    """Where jobs of this user can read it."""
    return password_file(directory)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def job_of(worker: str) -> JobId:
    found = origin(worker)
    assert found is not None, worker
    return found.job


def name(job: JobId, life: int = 1, class_: str = "any") -> str:
    return f"g.{class_}.{job[0]}.{job[1]}.{life}-"


def test_they_join_and_run_batches(directory: Path, schedd: Client) -> None:
    with driving(workers=0) as drive:
        submitted = Submitted(invitation(drive), schedd, directory, glideins(), 2)
        joined = drive.all(WorkerJoined, lambda _: True, 2)
        workers = sorted(event.worker for event in joined)
        for job, worker in zip(submitted.jobs, workers, strict=True):
            assert worker.startswith(name(job))
            drive.warm(worker)
            drive.finish(worker)
            drive.engine.order(Retire(worker, 0, "enough"))
            assert drive.until(WorkerLeft).cause == "retired"
        ends = submitted.until(lambda event: event.kind == "ended", 2)
    assert [event.code for event in ends] == [0, 0]
    assert schedd.jobs("test") == []


def test_a_graceful_eviction_is_a_notice_and_the_job_comes_again(
    pool: CondorPool, directory: Path, schedd: Client
) -> None:
    with driving(workers=0) as drive:
        submitted = Submitted(invitation(drive), schedd, directory, glideins())
        (job,) = submitted.jobs
        worker = drive.warm(drive.until(WorkerJoined).worker)
        pool.run("condor_vacate_job", f"{job[0]}.{job[1]}")
        assert drive.until(WorkerNotice).leaves_in_seconds == 5
        left = drive.until(WorkerLeft)
        assert (left.worker, left.cause) == (worker, "evicted")
        again = drive.warm(drive.until(WorkerJoined).worker)
        assert again.startswith(name(job, 2))
        drive.finish(again)
        submitted.until(lambda event: event.kind == "evicted")
        schedd.remove([job], "the test is over")
        assert drive.until(WorkerLeft).cause == "evicted"
        submitted.until(lambda event: event.kind == "removed")
    assert schedd.jobs("test") == []


@pytest.mark.parametrize("how", ["graceful", "fast"])
def test_a_run_through_evictions(
    pool: CondorPool, directory: Path, schedd: Client, password: Path, how: str
) -> None:
    """Graceful: what the worker had finished of its batch is kept. Fast: only what it had not
    told yet is computed again."""
    port = free_port()
    address = Invitation(f"127.0.0.1:{port}", password)
    with pcm.Manager(engine="taskvine", workers=0, listen=port, password_file=password) as manager:
        submitted = Submitted(address, schedd, directory, glideins(), 2)
        run = digests(manager, directory, 200, seconds=0.02, batch=60)
        coming = iter(run)
        told = [next(coming) for _ in range(20)]
        worker = told[-1].worker
        victim = job_of(worker)
        fast = ["-fast"] if how == "fast" else []
        pool.run("condor_vacate_job", *fast, "{}.{}".format(*victim))
        list(coming)
        rows = list(run)
        left = events(run, "WorkerLeft")
    assert {row.key: row.value for row in rows} == expected(200)
    (cause,) = [event["cause"] for event in left if event["worker"] == worker]
    assert cause == ("lost" if how == "fast" else "evicted")
    # What it had told of was not computed again; nor, with a grace, what it told of then.
    kept = {row.key for row in rows if row.worker == worker}
    assert kept >= {row.key for row in told if row.worker == worker}
    assert {row.attempt for row in rows if row.worker == worker} == {1}
    submitted.until(lambda event: event.kind == "evicted" and event.job == victim)


def test_a_machine_that_cannot_work_is_told_of_and_avoided(
    pool: CondorPool, directory: Path, schedd: Client
) -> None:
    with driving(workers=0) as drive:
        broken = glideins(check_gpus=True)  # There are no real GPUs here.
        submitted = Submitted(invitation(drive), schedd, directory, broken)
        (held,) = submitted.until(lambda event: event.kind == "held")
        assert (held.code, held.subcode) == (3, 75)
        assert "no NVIDIA driver here" in held.detail
        (job,) = schedd.jobs("test")
        assert (job.status, job.hold_reason) == (5, held.detail)
        machine = held.detail.removeprefix("machine ").partition(":")[0]
        pool.run("condor_release", "-all")
        (_, again) = submitted.until(lambda event: event.kind == "held", 2)
        assert "no NVIDIA driver here" in again.detail
        assert f"machine {machine}:" not in again.detail


def test_a_glidein_that_is_refused_is_held_for_a_person(
    directory: Path, schedd: Client, password: Path
) -> None:
    with driving(workers=0) as drive:
        wrong = Invitation(f"127.0.0.1:{drive.engine.port}", password)
        submitted = Submitted(wrong, schedd, directory, glideins())
        (held,) = submitted.until(lambda event: event.kind == "held")
    assert (held.code, held.subcode) == (3, 76)
    assert "wrong password" in held.detail


def test_no_manager_no_glidein(directory: Path, schedd: Client, password: Path) -> None:
    nobody = Invitation(f"127.0.0.1:{free_port()}", password, patience_seconds=2)
    submitted = Submitted(nobody, schedd, directory, glideins())
    (ended,) = submitted.until(lambda event: event.kind == "ended")
    assert ended.code == 0
    (output,) = (directory / materials.OUTPUT).glob("*.out")
    assert "nobody listens at" in output.read_text()


def test_it_leaves_before_its_walltime_and_is_queued_again(directory: Path, schedd: Client) -> None:
    with driving(workers=0) as drive:
        brief = glideins(grace="1 s", walltime="14 s")
        submitted = Submitted(invitation(drive), schedd, directory, brief)
        drive.warm(drive.until(WorkerJoined).worker)
        assert drive.until(WorkerNotice).leaves_in_seconds == 1
        assert drive.until(WorkerLeft).cause == "evicted"
        submitted.until(lambda event: event.kind == "evicted")
        worker = drive.until(WorkerJoined).worker
        assert worker.startswith(name(submitted.jobs[0], 2))


def test_a_removed_job_leaves_nothing(pool: CondorPool, directory: Path, schedd: Client) -> None:
    with driving(workers=0) as drive:
        submitted = Submitted(invitation(drive), schedd, directory, glideins())
        drive.warm(drive.until(WorkerJoined).worker)
        assert len(pool.job_processes()) > 1
        schedd.remove(submitted.jobs, "the test is over")
        assert drive.until(WorkerLeft).cause == "evicted"
        submitted.until(lambda event: event.kind == "removed")
        assert pool.job_processes() == []
        assert pool.job_files() == []
