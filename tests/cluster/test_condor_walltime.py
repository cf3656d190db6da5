"""A glidein in a real pool tells the manager how long it will stay, and at which site it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from condor import materials
from condor.client import Client
from condor.description import describe
from condor.glidein.launcher import LEAVING_SECONDS
from condor.invitation import Invitation
from condor.personal_pool import TITAN_RTX, CondorPool, Machine
from pcm.core.events import WorkerJoined
from tests.cluster.engine_driving import driving
from tests.cluster.glidein_classes import glideins
from tests.cluster.needs import needs_htcondor, needs_taskvine

pytestmark = [pytest.mark.cluster, needs_htcondor, needs_taskvine]

WALLTIME_SECONDS = 600.0
SITE = {"GLIDEIN_Site": '"East"', "STARTD_ATTRS": "$(STARTD_ATTRS) GLIDEIN_Site"}


@pytest.fixture(scope="module")
def pool() -> Iterator[CondorPool]:
    with CondorPool((Machine("ada", TITAN_RTX, 1),), SITE) as pool:
        yield pool


def test_it_tells_when_it_will_leave_and_where_it_is(directory: Path) -> None:
    class_ = glideins(grace="10 s", walltime=f"{WALLTIME_SECONDS} s")
    with closing(Client()) as schedd, driving(workers=0) as drive:
        address = f"127.0.0.1:{drive.engine.port}"
        invitation = Invitation(address, drive.engine.password_file, patience_seconds=20)
        materials.lay_out(directory, invitation)
        jobs = schedd.submit(describe(class_, invitation, "test", directory), 1)
        joined = drive.until(WorkerJoined)
        schedd.remove(jobs, "the test is over")
    assert joined.capacity.zone == "East"
    assert joined.leaves_in_seconds is not None
    at_most = WALLTIME_SECONDS - 10.0 - 2 * LEAVING_SECONDS
    assert at_most - 60.0 < joined.leaves_in_seconds <= at_most
