"""Every way in which a pool takes a machine back, during a run: results are exact each time."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import pcm
from condor import sleepers
from condor.fleet import Status
from condor.invitation import Invitation
from condor.jobs import JobId
from condor.personal_pool import MACHINES, CondorPool, ordinary_user
from condor.provisioner import Provisioner, origin
from tests.cluster.glidein_classes import glideins
from tests.cluster.glidein_runs import digests
from tests.cluster.needs import needs_htcondor, needs_taskvine
from tests.cluster.passwords import password_file
from tests.cluster.waiting import until
from tests.manager.workloads import expected

pytestmark = [pytest.mark.cluster, pytest.mark.kills, needs_htcondor, needs_taskvine]

ITEMS = 400
SETTINGS = {
    "RANK": "(TARGET.Important =?= true) * 10",
    "ALLOW_PSLOT_PREEMPTION": "True",
    "MachineMaxVacateTime": "10",
}


@pytest.fixture
def pool() -> Iterator[CondorPool]:
    with CondorPool(MACHINES[:2], SETTINGS) as pool:
        yield pool


class Scene:
    def __init__(self, pool: CondorPool, directory: Path) -> None:
        self.pool, self.directory = pool, directory

    def machine_of(self, job: JobId) -> str:
        answer = self.pool.queue("ClusterId", "ProcId", "MachineAttrMachine0")
        return next(m for cluster, proc, m in answer if (int(cluster), int(proc)) == job)

    def glideins_with(self, job: JobId) -> int:
        """How many are on its machine, together with it: one or both."""
        machine = self.machine_of(job)
        return sum(there == machine for (there,) in self.pool.queue("MachineAttrMachine0"))


def drain(scene: Scene, job: JobId) -> None:
    name = scene.machine_of(job).removesuffix(".pool")
    scene.pool.run("condor_drain", "-graceful", scene.pool.slot(name))


def hold(scene: Scene, job: JobId) -> None:
    scene.pool.run("condor_hold", f"{job[0]}.{job[1]}")


def kill_starter(scene: Scene, job: JobId) -> None:
    """And with it what it is to look after, as when a machine loses its power."""
    scene.pool.kill_starters(scene.machine_of(job).removesuffix(".pool"))


def kill_machine(scene: Scene, job: JobId) -> None:
    name = scene.machine_of(job).removesuffix(".pool")
    scene.pool.kill(f"STARTD_{name}", signal.SIGKILL)


def somebody_important(scene: Scene, job: JobId) -> None:
    """Whom the machine's owner prefers."""
    name = scene.machine_of(job).removesuffix(".pool")
    gpus = next(machine.gpus for machine in MACHINES if machine.name == name)
    file = scene.directory / "important.sub"
    more = {"+Important": "true"}
    file.write_text(sleepers.description(name, scene.directory, 3.0, gpus=gpus, more=more))
    scene.pool.run("condor_submit", str(file))


EFFECTS: dict[Callable[[Scene, JobId], None], Callable[[Status, int], bool]] = {
    drain: lambda status, there: status.evictions == there,
    hold: lambda status, there: sum(status.held.values()) == 1,
    kill_starter: lambda status, there: status.silent + status.evictions == there,
    kill_machine: lambda status, there: status.silent + status.evictions == there,
    somebody_important: lambda status, there: status.evictions == there,
}
"""What comes of it, where so many glideins are on that machine."""


@pytest.mark.parametrize("deed", EFFECTS)
def test_a_run_goes_on(pool: CondorPool, deed: Callable[[Scene, JobId], None]) -> None:
    with ordinary_user() as directory:
        with run(directory) as (run_, provisioner):
            rows = iter(run_)
            workers = {next(rows).worker for _ in range(20)}
            victim = origin(workers.pop())
            assert victim is not None
            scene = Scene(pool, directory)
            there = scene.glideins_with(victim.job)
            deed(scene, victim.job)
            until(
                lambda: EFFECTS[deed](provisioner.status()[0], there),
                provisioner.status,
                within_seconds=30,
            )
            list(rows)
            assert {row.key: row.value for row in run_} == expected(ITEMS)
        left = [job for job in pool.queue("ClusterId", "Important") if job[1] != "true"]
        assert left == [], (directory / "jobs" / "any.log").read_text()


@contextmanager
def run(directory: Path) -> Iterator[tuple[pcm.Run, Provisioner]]:
    """On two glideins, of which as many are asked for again as are lost."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    password = password_file(directory)
    provisioner = Provisioner([glideins(most=2)], directory / "jobs", print)
    with pcm.Manager(engine="taskvine", workers=0, listen=port, password_file=password) as manager:
        provisioner.start(Invitation(f"127.0.0.1:{port}", password), "run")
        try:
            provisioner.want("glidein:any", 2)
            until(lambda: len(manager.workers()) == 2, provisioner.status, within_seconds=30)
            for worker in manager.workers():
                provisioner.joined(worker.worker)
            yield (
                digests(manager, directory, ITEMS, seconds=0.03, batch=20),
                provisioner,
            )
        finally:
            provisioner.stop(wait_seconds=30)
