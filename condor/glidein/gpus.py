"""The GPUs, or MIG instances, that the job was given: whether they are there, and what they are."""

import json
import os
import shutil
from typing import Dict, List

from . import machine_ad, nvidia
from .machine_ad import Gpu
from .trouble import MACHINE_UNFIT, Trouble

VISIBLE, ASSIGNED = "CUDA_VISIBLE_DEVICES", "_CONDOR_AssignedGPUs"
"""CUDA's, and HTCondor's for pools that are not set up to set the first."""
ACCELERATORS = "PCM_ACCELERATORS"
"""As in ``workers/probe.py``, which believes the driver before it believes this."""
SLACK = 0.95
"""Tools do not agree on whether the driver's own part belongs to a GPU's memory."""


def variables(wanted: int, memory_mebibytes: int, trusted: bool) -> Dict[str, str]:
    """For the worker's environment: which devices it may use, and what they are.

    Raises Trouble if they are not ``wanted`` that answer and have this much memory each. Those that
    are ``trusted`` are not looked for: they are what HTCondor says.
    """
    told = machine_ad.assigned()
    given = _given()
    if trusted:
        return _described(told, given)
    if len(given) < wanted:
        reason = "{} GPUs were asked for, {} is {!r}".format(
            wanted, VISIBLE, os.environ.get(VISIBLE, "")
        )
        raise Trouble(MACHINE_UNFIT, reason)
    program = shutil.which("nvidia-smi")
    if program is None:
        # Some containers lack it, though they have the device.
        if not any(name.startswith("nvidia") for name in os.listdir("/dev")):
            raise Trouble(MACHINE_UNFIT, "no NVIDIA driver here: neither nvidia-smi nor devices")
        return _described(told, given)
    there = nvidia.devices(program)
    return _described([_seen(name, there, told, memory_mebibytes) for name in given], given)


def _given() -> List[str]:
    """Their names for CUDA: indices, or (starts of) UUIDs."""
    text = os.environ.get(VISIBLE) or os.environ.get(ASSIGNED, "")
    words = [word.strip() for word in text.split(",")]
    # Old pools count: CUDA0, CUDA1.
    return [word[4:] if word.startswith("CUDA") else word for word in words if word]


def _described(gpus: List[Gpu], given: List[str]) -> Dict[str, str]:
    content = [
        {"index": n, "uuid": gpu.id, "name": gpu.name, "memory_bytes": gpu.memory_mebibytes << 20}
        for n, gpu in enumerate(gpus)
    ]
    found = {ACCELERATORS: json.dumps(content)} if content else {}
    if given and not os.environ.get(VISIBLE):
        found[VISIBLE] = ",".join(given)  # Or the worker would take all that the machine has.
    return found


def _seen(name: str, there: List[nvidia.Device], told: List[Gpu], least_mebibytes: int) -> Gpu:
    """The device of this name. Raises Trouble if it is not there, or not what was asked for."""
    if name.isdigit():
        found = [each for each in there if each.number == int(name)][:1]
    else:
        found = [each for each in there if each.uuid.startswith(name)]
    if len(found) != 1:
        names = ", ".join(each.uuid for each in there) or "none"
        raise Trouble(MACHINE_UNFIT, "GPU {} was given; here are: {}".format(name, names))
    (device,) = found
    if device.divided:
        text = "GPU {} was given as a whole, but is divided into MIG instances"
        raise Trouble(MACHINE_UNFIT, text.format(name))
    mebibytes = device.memory_mebibytes
    if not mebibytes:
        mebibytes = next((gpu.memory_mebibytes for gpu in told if gpu.id.startswith(name)), 0)
    if mebibytes and mebibytes < least_mebibytes * SLACK:
        text = "GPU {} ({}) has {} MiB, {} MiB were asked for"
        raise Trouble(MACHINE_UNFIT, text.format(name, device.name, mebibytes, least_mebibytes))
    return Gpu(device.uuid, device.name, mebibytes)
