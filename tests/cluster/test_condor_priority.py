"""The pool prefers another of its users: glideins are evicted by the negotiator, and return.

HTCondor takes one slot back with a grace. A whole machine, of which several slots are to be
cleared, it takes at once (``ALLOW_PSLOT_PREEMPTION``).
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from condor import sleepers
from condor.personal_pool import A100, PARENT, V100, CondorPool, Machine, ordinary_user
from condor.provisioner import origin
from tests.cluster import rootfs
from tests.cluster.glidein_classes import glideins
from tests.cluster.glidein_runs import digests, manager_with
from tests.cluster.needs import needs_htcondor, needs_taskvine
from tests.cluster.waiting import until
from tests.manager.disturbing import events
from tests.manager.workloads import expected

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.kills,
    needs_htcondor,
    needs_taskvine,
    pytest.mark.skipif(os.geteuid() != 0, reason="makes another user in the root"),
]

ITEMS = 400
RIVAL = "rival"
SETTINGS = {
    "PREEMPTION_REQUIREMENTS": "RemoteUserPrio > SubmitterUserPrio * 1.2",
    "MachineMaxVacateTime": "10",
    "PRIORITY_HALFLIFE": "1000000000",  # They are as the test sets them.
}
MACHINES = (Machine("ada", A100, 1), Machine("bob", V100, 1))


@pytest.fixture(scope="module")
def rival() -> str:
    """Another ordinary user, until the root's overlay is gone."""
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(RIVAL).pw_name
    subprocess.run(["useradd", "--create-home", RIVAL], check=True)
    return RIVAL


@contextlib.contextmanager
def pool_with(rival: str, whole_machines: bool) -> Iterator[CondorPool]:
    settings = SETTINGS | {"ALLOW_PSLOT_PREEMPTION": str(whole_machines)}
    with CondorPool(MACHINES, settings) as pool:
        for user, factor in ((rootfs.USER, 1000000), (rival, 1)):
            pool.run("condor_userprio", "-setfactor", f"{user}@pcm.test", str(factor))
        yield pool


@contextlib.contextmanager
def submitted(rival: str, machine: str) -> Iterator[Path]:
    """The rival's job for a machine's only GPU; gives its log."""
    account = pwd.getpwnam(rival)
    directory = Path(tempfile.mkdtemp(prefix="rival-", dir=PARENT))
    try:
        (directory / "sub").write_text(sleepers.description(machine, directory, 3.0))
        user = os.geteuid()
        os.seteuid(0)
        try:
            directory.chmod(0o755)
            shutil.chown(directory, account.pw_uid, account.pw_gid)
            subprocess.run(
                ["condor_submit", str(directory / "sub")],
                check=True,
                capture_output=True,
                user=account.pw_uid,
                group=account.pw_gid,
                extra_groups=[],
                env=os.environ | {"HOME": account.pw_dir, "USER": rival, "LOGNAME": rival},
            )
        finally:
            os.seteuid(user)
        yield directory / sleepers.LOG
    finally:
        os.seteuid(0)
        shutil.rmtree(directory)
        os.seteuid(user)


def machine_of(pool: CondorPool, job: tuple[int, int]) -> str:
    jobs = pool.queue("ClusterId", "ProcId", "MachineAttrMachine0")
    name = next(name for cluster, proc, name in jobs if (int(cluster), int(proc)) == job)
    return name.removesuffix(".pool")


@pytest.mark.parametrize("whole_machines", [False, True])
def test_a_run_goes_on_when_somebody_comes_first(rival: str, whole_machines: bool) -> None:
    with pool_with(rival, whole_machines) as pool, ordinary_user() as directory:
        with manager_with(directory, glideins("any", most=2, least=2)) as manager:
            run = digests(manager, directory, ITEMS, seconds=0.03, batch=60)
            coming = iter(run)
            told = [next(coming) for _ in range(20)]
            victim = told[-1].worker
            job = origin(victim)
            assert job is not None
            with submitted(rival, machine_of(pool, job.job)) as log:
                until(
                    lambda: manager.glideins()[0].evictions == 1,
                    manager.glideins,
                    within_seconds=40,
                )
                list(coming)
                until(
                    lambda: "Job terminated" in log.read_text(), manager.glideins, within_seconds=40
                )
            rows = list(run)
            causes = {event["worker"]: event["cause"] for event in events(run, "WorkerLeft")}
        assert {row.key: row.value for row in rows} == expected(ITEMS)
        assert causes[victim] == ("lost" if whole_machines else "evicted")
        # What it had told of was not computed again.
        kept = {row.key for row in rows if row.worker == victim}
        assert kept >= {row.key for row in told if row.worker == victim}
        assert pool.queue("ClusterId") == []
