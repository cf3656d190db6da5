"""The tests' pool itself: jobs find the GPU model that they ask for."""

from __future__ import annotations

from pathlib import Path

import pytest

from condor.personal_pool import MACHINES, CondorPool, ordinary_user
from tests.cluster import rootfs
from tests.cluster.needs import needs_htcondor

pytestmark = [pytest.mark.cluster, needs_htcondor]

MODELS = ("TITAN RTX", "Tesla V100-PCIE-16GB", "A100-SXM4-40GB")
JOB = """\
executable = /bin/sh
arguments = "-c 'id -un; echo $CUDA_VISIBLE_DEVICES'"
request_gpus = 2
require_gpus = DeviceName == "$(model)"
should_transfer_files = yes
initialdir = {directory}
output = $(model)
log = log
queue model from (
{models}
)
"""


def test_jobs_of_the_ordinary_user_get_the_gpus_that_they_ask_for() -> None:
    with CondorPool() as pool, ordinary_user() as directory:
        submit = directory / "job.sub"
        submit.write_text(JOB.format(directory=directory, models="\n".join(MODELS)))
        pool.run("condor_submit", str(submit))
        pool.run("condor_wait", "-wait", "60", str(directory / "log"))
        for model in MODELS:
            user, gpus = (directory / model).read_text().split()
            assert user == rootfs.USER
            assert [gpu.startswith("GPU-") for gpu in gpus.split(",")] == [True, True]
        assert pool.queue("ClusterId") == []
        assert pool.run("condor_status", "-af", "Machine", "TotalSlotGPUs").split() == [
            word for machine in MACHINES for word in (f"{machine.name}.pool", str(machine.gpus))
        ]
    assert not Path(pool.directory).exists()
