"""The provisioner with a real pool: what is asked for comes, what is not wanted goes."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from condor import Glideins
from condor.fleet import Policy, Status
from condor.invitation import Invitation
from condor.personal_pool import MACHINES, CondorPool, ordinary_user
from condor.provisioner import Provisioner, origin
from pcm.core.commands import Retire
from pcm.core.events import ProvisionFailed, WorkerJoined, WorkerLeft
from tests.cluster import glidein_classes
from tests.cluster.engine_driving import Drive, driving
from tests.cluster.needs import needs_htcondor, needs_taskvine
from tests.cluster.waiting import until

pytestmark = [pytest.mark.cluster, needs_htcondor, needs_taskvine]

CLASSES: dict[str, dict[str, Any]] = {
    "a100": {"capability": 8.0},
    "v100": {"require_gpus": 'DeviceName == "Tesla V100-PCIE-16GB"'},
}


def glideins(name: str = "a100", **options: Any) -> Glideins:
    return glidein_classes.glideins(name, **CLASSES.get(name, {}), **options)


class Provisioned:
    """A provisioner that is started for an engine, with what it has told."""

    def __init__(self, drive: Drive, directory: Path, classes: Sequence[Glideins]) -> None:
        self.drive = drive
        self.failed: list[ProvisionFailed] = []
        self.said: list[str] = []
        self._joined = 0
        self.provisioner = Provisioner(
            classes,
            directory,
            self.failed.append,
            say=self.said.append,
            policy=Policy(return_seconds=5.0),
        )
        address = f"127.0.0.1:{drive.engine.port}"
        self.provisioner.start(Invitation(address, drive.engine.password_file), "run")

    def status(self, class_: str = "a100") -> Status:
        return next(status for status in self.provisioner.status() if status.name == class_)

    def until(self, true: Callable[[], bool]) -> None:
        until(
            true,
            lambda: (self.provisioner.status(), self.said, self.failed),
            within_seconds=40,
        )

    def workers(self, count: int) -> list[str]:
        """So many more that join, as the manager would tell of them."""
        events = self.drive.all(WorkerJoined, lambda _: True, self._joined + count)
        joined = [event.worker for event in events[self._joined :]]
        self._joined += len(joined)
        for worker in joined:
            self.provisioner.joined(worker)
        return joined


@contextmanager
def provisioned(directory: Path, *classes: Glideins) -> Iterator[Provisioned]:
    with driving(workers=0) as drive:
        provisioned = Provisioned(drive, directory, classes or [glideins()])
        try:
            yield provisioned
        finally:
            provisioned.provisioner.stop(wait_seconds=20)


def test_workers_of_two_classes_come_and_all_jobs_go(pool: CondorPool, directory: Path) -> None:
    with provisioned(directory, glideins("a100"), glideins("v100")) as it:
        it.provisioner.want("glidein:a100", 1)
        it.provisioner.want("glidein:v100", 2)
        found = [origin(worker) for worker in it.workers(3)]
        assert sorted(one.class_ for one in found if one) == ["a100", "v100", "v100"]
        it.until(lambda: it.status("v100").joined == 2)
        assert (it.status("a100").running, it.status("a100").queued) == (1, 0)
        machines = {machine for _, machine in pool.queue("PcmClass", "MachineAttrMachine0")}
        assert machines == {"ada.pool", "bob.pool"}
        it.provisioner.stop(wait_seconds=20)
    assert pool.queue("ClusterId") == []
    assert (it.failed, it.said) == ([], [])
    assert sorted(path.name for path in directory.iterdir()) == ["a100.log", "v100.log"]


def test_an_evicted_job_comes_again_and_nothing_else_does(
    pool: CondorPool, directory: Path
) -> None:
    with provisioned(directory) as it:
        it.provisioner.want("glidein:a100", 1)
        (worker,) = it.workers(1)
        pool.run("condor_vacate_job", "-fast", "-all")
        assert it.drive.until(WorkerLeft).worker == worker
        (again,) = it.workers(1)
        first, second = origin(worker), origin(again)
        assert first is not None
        assert second == first._replace(life=2)
        it.until(lambda: it.status().joined == 1)
        assert (it.status().submitted, it.status().evictions) == (1, 1)


def test_an_evicted_job_that_is_not_wanted_goes(pool: CondorPool, directory: Path) -> None:
    with provisioned(directory) as it:
        it.provisioner.want("glidein:a100", 1)
        it.workers(1)
        it.until(lambda: it.status().joined == 1)
        it.provisioner.want("glidein:a100", 0)  # Who has joined is let go by the core, and stays.
        pool.run("condor_vacate_job", "-fast", "-all")
        it.drive.until(WorkerLeft)
        it.until(lambda: pool.queue("ClusterId") == [])
        assert it.failed == []


def test_what_is_not_wanted_any_more_goes(pool: CondorPool, directory: Path) -> None:
    with provisioned(directory, glideins(requirements='Machine == "nowhere.pool"')) as it:
        it.provisioner.want("glidein:a100", 3)
        it.until(lambda: it.status().queued == 3)
        assert ["0 of 8 GPUs match" in line for line in it.said] == [True]
        it.provisioner.want("glidein:a100", 1)
        it.until(lambda: len(pool.queue("ClusterId")) == 1)
    assert it.failed == []


def test_the_next_manager_finds_them_again(pool: CondorPool, directory: Path) -> None:
    with driving(workers=0) as drive:
        before = Provisioned(drive, directory, [glideins()])
        before.provisioner.want("glidein:a100", 2)
        workers = before.workers(2)
        before.provisioner.stop(remove=False)
        assert len(pool.queue("ClusterId")) == 2
        after = Provisioned(drive, directory, [glideins()])
        for worker in workers:
            after.provisioner.joined(worker)
        after.until(lambda: after.said != [])
        assert after.said == ["found 2 glideins of this run again"]
        after.provisioner.want("glidein:a100", 3)
        after.until(lambda: after.status().submitted == 3)
        elsewhere = Invitation("127.0.0.1:9", drive.engine.password_file)
        after.provisioner.stop(remove=False)
        last = Provisioner([glideins()], directory, after.failed.append)
        last.start(elsewhere, "run")
        after.until(lambda: pool.queue("ClusterId") == [])  # They would wait for a port in vain.
        last.stop()
    assert after.failed == []


def test_a_schedd_that_dies_comes_again() -> None:
    with (
        CondorPool(MACHINES[:1]) as pool,
        ordinary_user() as directory,
        provisioned(directory) as it,
    ):
        it.provisioner.want("glidein:a100", 1)
        it.workers(1)
        pool.kill("SCHEDD", signal.SIGKILL)
        it.provisioner.want("glidein:a100", 2)
        (worker,) = it.workers(1)
        it.until(lambda: it.status().joined == 2)
        it.drive.engine.order(Retire(worker, 0, "enough"))
        assert it.drive.until(WorkerLeft).cause == "retired"
        it.provisioner.want("glidein:a100", 1)
        it.until(lambda: it.status().running == 1)
        assert it.failed == []
        it.provisioner.stop(wait_seconds=20)
        assert pool.queue("ClusterId") == []


def test_a_schedd_that_does_not_answer_stops_nobody(pool: CondorPool, directory: Path) -> None:
    with provisioned(directory) as it:
        it.provisioner.want("glidein:a100", 1)
        it.workers(1)
        pool.kill("SCHEDD", signal.SIGSTOP)
        try:
            it.provisioner.want("glidein:a100", 2)
            worst = 0.0
            end = time.monotonic() + 2
            while (before := time.monotonic()) < end:
                it.provisioner.status()
                time.sleep(0.01)
                worst = max(worst, time.monotonic() - before)
        finally:
            pool.kill("SCHEDD", signal.SIGCONT)
        assert worst < 1.0  # The bindings alone would wait for 20 s, and this thread with them.
        it.workers(1)


def test_unfit_machines_are_avoided_by_all(pool: CondorPool, directory: Path) -> None:
    any_gpu = glideins("any", check_gpus=True)  # Which are not real here.
    with provisioned(directory, any_gpu) as it:
        it.provisioner.want("glidein:any", 2)
        it.until(lambda: bool(it.status("any").avoided))
        it.until(lambda: sum(it.status("any").held.values()) == 2)
        assert "no NVIDIA driver" in next(iter(it.status("any").held))
        it.until(lambda: any("is avoided" in line for line in it.said))
        it.until(lambda: all(names for (names,) in pool.queue("PcmAvoid")))


def test_broken_glideins_are_not_submitted_for_ever(pool: CondorPool, directory: Path) -> None:
    wrong = directory / "wrong"
    wrong.write_text("open barley")
    with driving(workers=0) as drive:
        it = Provisioned(drive, directory, [glideins()])
        it.provisioner.stop()
        provisioner = it.provisioner = Provisioner([glideins()], directory, it.failed.append)
        provisioner.start(Invitation(f"127.0.0.1:{drive.engine.port}", wrong), "run")
        provisioner.want("glidein:a100", 4)
        it.until(lambda: len(it.failed) >= 3)
        assert "wrong password" in it.failed[0].error
        assert [failed.permanent for failed in it.failed[:3]] == [False, False, True]
        assert it.status().submitted == 4
        provisioner.stop()


def test_without_a_schedd_it_says_so(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = directory / "config"
    config.write_text("LOCAL_DIR = /nowhere\nCOLLECTOR_HOST = 127.0.0.1:9\n")
    monkeypatch.setenv("CONDOR_CONFIG", str(config))
    with provisioned(directory) as it:
        it.provisioner.want("glidein:a100", 2)
        it.until(lambda: it.failed != [])
        it.provisioner.stop(wait_seconds=0)
    assert it.failed[0].workers == 2
    assert "there is no schedd here" in it.failed[0].error
    assert it.failed[0].permanent
