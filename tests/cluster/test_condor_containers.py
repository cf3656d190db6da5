"""Glideins in containers: what HTCondor makes of an image, and a worker in one.

There is no Apptainer in the root: HTCondor calls a stand-in for it, which isolates nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from condor import Glideins, materials
from condor.client import Client
from condor.description import describe, image_condition, text
from condor.invitation import Invitation
from condor.personal_pool import MACHINES, CondorPool
from condor.prospects import check
from pcm.core.commands import Retire
from pcm.core.events import WorkerJoined, WorkerLeft
from tests.cluster import rootfs
from tests.cluster.engine_driving import driving
from tests.cluster.glidein_classes import glideins
from tests.cluster.needs import needs_htcondor, needs_taskvine
from tests.cluster.waiting import until

pytestmark = [pytest.mark.cluster, needs_htcondor, needs_taskvine]

STAND_IN = Path(__file__).with_name("apptainer_stand_in")
IMAGE = f"PATH={rootfs.VENV}/bin:/usr/bin:/bin\nMADE_FOR=glideins\n"


@pytest.fixture(scope="module")
def pool() -> Iterator[CondorPool]:
    with CondorPool(MACHINES[:1], {"SINGULARITY": str(STAND_IN)}) as pool:
        yield pool


@pytest.fixture
def schedd(directory: Path) -> Iterator[Client]:
    schedd = Client()
    yield schedd
    schedd.close()


def dry_run(pool: CondorPool, directory: Path, class_: Glideins) -> dict[str, str]:
    """The ad that HTCondor's own parser makes of a class."""
    (directory / "secret").write_text("open sesame")
    invitation = Invitation("127.0.0.1:9", directory / "secret")
    materials.lay_out(directory, invitation)
    (directory / "sub").write_text(text(describe(class_, invitation, "run", directory), 1))
    pool.run("condor_submit", "-dry-run", str(directory / "ad"), str(directory / "sub"))
    lines = (directory / "ad").read_text().splitlines()
    fields = [line.partition("=") for line in lines]
    ad = {name.strip(): value.strip() for name, _, value in fields}
    assert image_condition(class_) in ad["Requirements"]
    return ad


def test_an_image_that_lies_here_is_sent(pool: CondorPool, directory: Path) -> None:
    sif = directory / "worker.sif"
    sif.write_text(IMAGE)
    ad = dry_run(pool, directory, glideins(image=str(sif)))
    assert ad["WantSIF"] == "true"
    assert (ad["ContainerImage"], ad["ContainerImageSource"]) == ('"worker.sif"', '"cedar"')
    assert str(sif) in ad["TransferInput"]
    assert "TARGET.HasContainer && TARGET.HasSIF" in ad["Requirements"]


def test_an_image_of_a_registry_is_fetched_by_the_machine(
    pool: CondorPool, directory: Path
) -> None:
    ad = dry_run(pool, directory, glideins(image="docker://org/worker:1"))
    assert ad["WantDockerImage"] == "true"
    assert ad["ContainerImage"] == '"docker://org/worker:1"'
    assert "docker" not in ad["TransferInput"]
    assert "TARGET.HasContainer && TARGET.HasDockerURL" in ad["Requirements"]


def test_an_image_on_the_nodes_stays_there(pool: CondorPool, directory: Path) -> None:
    ad = dry_run(pool, directory, glideins(image="/images/worker"))
    assert (ad["ContainerImage"], ad["ContainerImageSource"]) == ('"/images/worker"', '"local"')
    assert "/images" not in ad["TransferInput"]
    assert "TARGET.HasContainer && TARGET.HasSandboxImage" in ad["Requirements"]


def test_pools_of_many_sites_take_the_description(pool: CondorPool, directory: Path) -> None:
    """As on an access point of the OSPool: no file system is shared, sites want attributes."""
    ad = dry_run(
        pool,
        directory,
        glideins(
            image="osdf:///ospool/ap40/data/me/worker.sif",
            requirements='HAS_SINGULARITY == true && OSGVO_OS_STRING == "RHEL 9"',
            walltime="9 h",
            attributes={"+ProjectName": '"Physics"', "+JobDurationCategory": '"Medium"'},
        ),
    )
    assert (ad["ProjectName"], ad["JobDurationCategory"]) == ('"Physics"', '"Medium"')
    assert (ad["ShouldTransferFiles"], ad["WhenToTransferOutput"]) == ('"YES"', '"ON_EXIT"')
    assert ad["ContainerImageSource"] == '"osdf"'
    assert "osdf:///ospool/ap40/data/me/worker.sif" in ad["TransferInput"]
    wanted = ad["Requirements"]
    assert 'HAS_SINGULARITY == true && OSGVO_OS_STRING == "RHEL 9"' in wanted
    assert "TARGET.HasFileTransfer" in wanted
    assert "FileSystemDomain" not in wanted
    # HTCondor would look for it in the image.
    assert ad.get("TransferExecutable", "true") == "true"


@pytest.mark.parametrize("kind", ["file", "directory"])
def test_a_worker_in_an_image(pool: CondorPool, directory: Path, schedd: Client, kind: str) -> None:
    image = directory / ("worker.sif" if kind == "file" else "image")
    if kind == "file":
        image.write_text(IMAGE)
    else:
        image.mkdir()
        (image / "environment").write_text(IMAGE)
    class_ = glideins(image=str(image), python="python3")
    assert check([class_]) == []
    with driving(workers=0) as drive:
        address = f"127.0.0.1:{drive.engine.port}"
        invitation = Invitation(address, drive.engine.password_file, patience_seconds=20)
        materials.lay_out(directory, invitation)
        schedd.submit(describe(class_, invitation, "test", directory), 1)
        joined = drive.until(WorkerJoined)
        worker = drive.warm(joined.worker)
        # It reads the slot's ad through the image's walls.
        assert joined.capacity.kind == "A100-SXM4-40GB"
        drive.finish(worker)
        drive.engine.order(Retire(worker, 0, "enough"))
        drive.until(WorkerLeft)
        until(
            lambda: pool.queue("ClusterId") == [],
            lambda: pool.queue("ClusterId", "JobStatus", "HoldReason"),
            within_seconds=30,
        )
    (output,) = (directory / materials.OUTPUT).glob("*.out")
    said = output.read_text()
    name = "worker.sif" if kind == "file" else str(image)
    assert f"in a stand-in for {name} " in said
    assert "--nv" in said
