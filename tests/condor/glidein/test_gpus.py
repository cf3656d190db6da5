"""The GPUs that a job was given are looked for; there is a stand-in for nvidia-smi, and no GPU."""

from __future__ import annotations

import json

import msgspec
import pytest

from condor.glidein.gpus import ACCELERATORS
from condor.glidein.trouble import DONE, MACHINE_UNFIT
from tests.condor.glidein.listings import (
    DIVIDED,
    LARGE,
    LISTING,
    LOG,
    MACHINE_AD,
    SMALL,
    TWO_SLICES_AD,
    WHOLE,
)
from tests.condor.glidein.node import Node
from workers import probe
from workers.protocol import Gpu

A100 = "NVIDIA A100-SXM4-40GB"


def install_driver(node: Node, listing: str = LISTING, log: str = LOG) -> None:
    (node.scratch / "listing").write_text(listing)
    (node.scratch / "log").write_text(log)
    script = '[ "$1" = -L ] && exec cat {0}/listing; exec cat {0}/log'
    node.program("nvidia-smi", script.format(node.scratch))


def write_ad(node: Node, text: str) -> None:
    (node.scratch / ".machine.ad").write_text(text)
    node.variables["_CONDOR_MACHINE_AD"] = str(node.scratch / ".machine.ad")


def told_to_worker(output: str, name: str) -> str:
    (line,) = [line for line in output.splitlines() if line.startswith(f"{name} ")]
    return line.partition(" ")[2]


def gpus(output: str) -> list[Gpu]:
    """As the worker's probe reads them."""
    return probe.told(told_to_worker(output, ACCELERATORS))


@pytest.mark.parametrize(
    ("given", "wanted", "reason"),
    [
        (WHOLE[:12], 1, ""),
        (f"{WHOLE},{LARGE}", 2, ""),
        (SMALL, 1, ""),
        ("1", 1, ""),
        ("2", 1, "GPU 2 was given; here are"),
        ("GPU-5a1b6c2e", 1, "GPU GPU-5a1b6c2e was given; here are"),
        (DIVIDED, 1, "was given as a whole, but is divided into MIG instances"),
        ("0", 1, "was given as a whole, but is divided into MIG instances"),
        ("MIG-", 1, "GPU MIG- was given; here are"),
        ("", 1, "1 GPUs were asked for, CUDA_VISIBLE_DEVICES is ''"),
        (WHOLE, 2, "2 GPUs were asked for"),
    ],
)
def test_the_gpus_that_were_given_are_looked_for(
    node: Node, given: str, wanted: int, reason: str
) -> None:
    install_driver(node)
    node.variables["CUDA_VISIBLE_DEVICES"] = given
    status, output = node.run("--gpus", str(wanted))
    assert status == (MACHINE_UNFIT if reason else DONE)
    assert reason in output
    if not reason:
        assert told_to_worker(output, "CUDA_VISIBLE_DEVICES") == given


def test_a_slice_is_told_of_as_what_it_is(node: Node) -> None:
    install_driver(node)
    node.variables["CUDA_VISIBLE_DEVICES"] = LARGE
    status, output = node.run("--gpus", "1", "--gpu-memory", "19000")
    assert status == DONE
    assert gpus(output) == [Gpu(0, LARGE, f"{A100} MIG 3g.20gb", 19968 << 20)]


@pytest.mark.parametrize(
    ("given", "mebibytes", "fits"),
    [(SMALL, 4864, True), (SMALL, 19073, False), (WHOLE, 40960, True), (WHOLE, 41500, True)],
)
def test_the_memory_of_what_was_really_given(
    node: Node, given: str, mebibytes: int, fits: bool
) -> None:
    install_driver(node)
    node.variables["CUDA_VISIBLE_DEVICES"] = given
    status, output = node.run("--gpus", "1", "--gpu-memory", str(mebibytes))
    assert status == (DONE if fits else MACHINE_UNFIT)
    assert fits or f"MIG 1g.5gb) has 4864 MiB, {mebibytes} MiB were asked for" in output


def test_memory_that_only_htcondor_tells(node: Node) -> None:
    install_driver(node, f"GPU 0: {A100} (UUID: GPU-a0223334-4445)\n", "")
    write_ad(node, MACHINE_AD)
    node.variables["CUDA_VISIBLE_DEVICES"] = "GPU-a0223334"
    status, output = node.run("--gpus", "1", "--gpu-memory", "40000")
    assert status == DONE
    assert gpus(output) == [Gpu(0, "GPU-a0223334-4445", A100, 47661 << 20)]
    assert node.run("--gpus", "1", "--gpu-memory", "81000")[0] == MACHINE_UNFIT


def test_a_pool_that_only_names_what_it_assigned(node: Node) -> None:
    """The worker would else take every GPU of the machine."""
    install_driver(node)
    node.variables["_CONDOR_AssignedGPUs"] = "CUDA1"
    status, output = node.run("--gpus", "1")
    assert (status, told_to_worker(output, "CUDA_VISIBLE_DEVICES")) == (DONE, "1")
    assert gpus(output) == [Gpu(0, WHOLE, A100, 40960 << 20)]


def test_simulated_gpus_are_what_htcondor_says(node: Node) -> None:
    write_ad(node, MACHINE_AD)
    node.variables["CUDA_VISIBLE_DEVICES"] = "GPU-a0223334"
    status, output = node.run("--gpus", "1", "--trust-gpus", "--gpu-memory", "99999")
    assert status == DONE
    assert gpus(output) == [Gpu(0, "GPU-a0223334", "A100-SXM4-40GB", 47661 << 20)]
    write_ad(node, TWO_SLICES_AD)
    _, output = node.run("--gpus", "2", "--trust-gpus")
    assert [gpu.name for gpu in gpus(output)] == ["MIG 5 GB", "MIG 20 GB"]


def test_a_job_without_gpus_is_told_of_none(node: Node) -> None:
    write_ad(node, MACHINE_AD)
    _, output = node.run()
    assert told_to_worker(output, ACCELERATORS) == "None"


def test_a_driver_that_fails(node: Node) -> None:
    node.program("nvidia-smi", "echo Unable to determine the device handle; exit 15")
    node.variables["CUDA_VISIBLE_DEVICES"] = WHOLE
    status, output = node.run("--gpus", "1")
    assert status == MACHINE_UNFIT
    assert "nvidia-smi failed: Unable to determine the device handle" in output
    assert node.run("--gpus", "1", "--trust-gpus")[0] == DONE


def test_both_sides_mean_the_same() -> None:
    assert ACCELERATORS == probe.ACCELERATORS_VARIABLE
    fields = {"index", "uuid", "name", "memory_bytes"}
    assert fields == {field.name for field in msgspec.structs.fields(Gpu)}
    assert probe.told(json.dumps([dict.fromkeys(fields, 0)])) == []
