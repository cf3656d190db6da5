"""How many GPUs match, and if none, what would let some in."""

from __future__ import annotations

from typing import Any

import pytest

from condor import Glideins
from condor.matching import Match, demand, match

pytest.importorskip("htcondor2")  # It has ClassAds seek names without a scope on both sides.
classad2 = pytest.importorskip("classad2")


def slot(
    machine: str, model: str, megabytes: int, capability: float, count: int, **more: Any
) -> Any:
    """As a partitionable slot of HTCondor 23 advertises itself."""
    names = [f"GPU-{machine}{number}" for number in range(count)]
    ad = {
        "Machine": machine,
        "PartitionableSlot": True,
        "TotalSlotGPUs": count,
        "TotalSlotCpus": 8,
        "TotalSlotMemory": 16000,
        "TotalSlotDisk": 100_000_000,
        "AssignedGPUs": ",".join(names),
    }
    for name in names:
        ad[f"GPUs_{name.replace('-', '_')}"] = classad2.ClassAd(
            {"DeviceName": model, "GlobalMemoryMb": megabytes, "Capability": capability}
        )
    return classad2.ClassAd(ad | more)


POOL = [
    slot("ada", "A100", 40536, 8.0, 2),
    slot("bob", "RTX", 9800, 7.5, 4),
    slot("cyd", "RTX", 9800, 7.5, 5),
    slot("dan", "GTX", 1500, 2.0, 1),
]
DYNAMIC = slot("ada", "A100", 40536, 8.0, 1, DynamicSlot=True, PartitionableSlot=False)


def matched(**options: Any) -> Match:
    given: dict[str, Any] = {"name": "x", "most": 1} | options
    return match([*POOL, DYNAMIC], demand(Glideins(**given)))


def test_gpus_are_counted_once() -> None:
    assert matched() == Match(12, 12, "12 of 12 GPUs match")
    assert matched(gpu_memory="10 GB").matching == 11
    assert matched(capability=8.0).matching == 2
    assert matched(require_gpus='DeviceName == "GTX"').matching == 1
    assert matched(gpus=3).matching == 9
    assert matched(requirements='TARGET.Machine != "bob"').matching == 8


def test_one_change_that_helps_is_named_with_its_number() -> None:
    answer = matched(gpu_memory="40 GB", requirements='Machine != "ada"')
    assert (
        answer.text
        == "0 of 12 GPUs match; 9 would with gpu_memory <= 10.2 GB; 2 would without requirements"
    )
    assert matched(gpu_memory="10.2 GB", requirements='Machine != "ada"').matching == 9
    assert matched(capability=9.0).text == "0 of 12 GPUs match; 2 would with capability <= 8"
    assert matched(cpus=64).text == "0 of 12 GPUs match; 12 would with cpus <= 8"


def test_where_no_single_change_helps() -> None:
    answer = matched(capability=9.0, cpus=64)
    assert answer.text == (
        "0 of 12 GPUs match; each fails several conditions: capability (12), cpus (12)"
    )


def test_an_attribute_that_nobody_has_matches_nobody() -> None:
    assert (
        matched(requirements="HasMagic").text == "0 of 12 GPUs match; 12 would without requirements"
    )


@pytest.mark.parametrize(
    ("image", "attribute"),
    [
        ("docker://org/worker:1", "HasDockerURL"),
        ("worker.sif", "HasSIF"),
        ("osdf:///ospool/me/worker.sif", "HasSIF"),
        ("/images/worker", "HasSandboxImage"),
    ],
)
def test_an_image_is_for_machines_that_can_run_its_kind(image: str, attribute: str) -> None:
    assert matched(image=image).text == "0 of 12 GPUs match; 12 would without image"
    wanted = demand(Glideins(name="x", most=1, image=image))
    runtime = dict.fromkeys(("HasDockerURL", "HasSIF", "HasSandboxImage"), False)
    able = slot("eve", "A100", 40536, 8.0, 3, HasContainer=True, **runtime | {attribute: True})
    other = slot("fay", "A100", 40536, 8.0, 2, HasContainer=True, **runtime)
    assert match([*POOL, able, other], wanted).text == "3 of 17 GPUs match"


def test_machines_without_gpus() -> None:
    bare = classad2.ClassAd(
        {"TotalSlotCpus": 8, "TotalSlotMemory": 16000, "TotalSlotDisk": 10**9, "Machine": "eve"}
    )
    wanted = demand(Glideins(name="x", most=1, gpus=0))
    assert match([bare, *POOL], wanted).text == "5 of 5 machines match"
    assert match([bare], demand(Glideins(name="x", most=1))).text == "0 of 0 GPUs match"


def test_gpus_of_a_pool_that_tells_only_what_is_common() -> None:
    older = classad2.ClassAd(
        {
            "AssignedGPUs": "CUDA0, CUDA1",
            "CUDAGlobalMemoryMb": 24000,
            "CUDACapability": 7.5,
            "TotalSlotCpus": 8,
            "TotalSlotMemory": 16000,
            "TotalSlotDisk": 10**9,
        }
    )
    wanted = demand(Glideins(name="x", most=1, gpu_memory="20 GB", capability=7.5))
    assert match([older], wanted).text == "2 of 2 GPUs match"
