"""Machines from which the manager cannot be reached, as there are in pools of many sites."""

from __future__ import annotations

from pathlib import Path

import pytest

from condor import materials
from condor.client import Client
from condor.description import describe
from condor.invitation import Invitation
from condor.jobs import MACHINE_UNFIT, ON_EXIT, Jobs
from condor.personal_pool import CondorPool
from tests.cluster.glidein_classes import glideins
from tests.cluster.needs import needs_htcondor, needs_taskvine
from tests.cluster.waiting import until

pytestmark = [pytest.mark.cluster, needs_htcondor, needs_taskvine]

NOWHERE = "255.255.255.255:9"
"""An address that no system connects to: it says so at once."""


def test_the_job_waits_and_says_why(pool: CondorPool, directory: Path, password: Path) -> None:
    invitation = Invitation(NOWHERE, password, patience_seconds=2)
    materials.lay_out(directory, invitation)
    schedd = Client()
    try:
        schedd.submit(describe(glideins(), invitation, "test", directory), 1)
        until(
            lambda: [job.status for job in schedd.jobs("test")] == [5],
            lambda: schedd.jobs("test"),
            within_seconds=40,
        )
        (held,) = schedd.jobs("test")
        jobs = Jobs()
        for event in schedd.events(materials.log(directory, "any"), 0):
            jobs.handle(event)
    finally:
        schedd.close()
    (job,) = jobs.live.values()
    assert (job.hold_code, job.hold_subcode) == (ON_EXIT, MACHINE_UNFIT)
    assert job.backs_off
    assert f"the manager at {NOWHERE} cannot be reached from here" in held.hold_reason
    # The class leaves that machine alone, until it may be tried again.
    (machine,) = jobs.unfit_machines
    assert held.hold_reason.startswith(f"machine {machine}: ")
    assert f"{machine} " in f"{pool.run('condor_status', '-af', 'Machine')} ".replace("\n", " ")
