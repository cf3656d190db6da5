"""The GPUs of this node as its driver lists them, and the MIG instances that they are divided into.

``nvidia-smi -L`` has the UUIDs of both, ``nvidia-smi -q -x`` their memory.
"""

import re
import xml.etree.ElementTree
from typing import Dict, List, NamedTuple, Tuple

from .commands import output_of
from .trouble import MACHINE_UNFIT, Trouble

_WHOLE = re.compile(r"GPU (\d+): (.*?) *\(UUID: ([^)]+)\)")
_PART = re.compile(r"\s+MIG (\S+)\s+Device\s+(\d+): \(UUID: ([^)]+)\)")


class Device(NamedTuple):
    """A GPU, or a MIG instance.

    ``number``: the GPU's, which an instance shares with those beside it; ``divided``: whether it is
    a GPU with instances, of which CUDA shows a process one, and never the whole.
    ``memory_mebibytes`` is 0 if the driver does not tell.
    """

    uuid: str
    name: str
    number: int
    memory_mebibytes: int
    divided: bool = False


def devices(program: str) -> List[Device]:
    """Those that ``program``, nvidia-smi, lists. Raises Trouble if it fails."""
    listing = output_of([program, "-L"], MACHINE_UNFIT)
    memory = _memory(program)
    found: List[Device] = []
    parent = -1
    for line in listing.splitlines():
        whole, part = _WHOLE.match(line), _PART.match(line)
        if whole:
            number, name, uuid = int(whole.group(1)), whole.group(2), whole.group(3).strip()
            parent = len(found)
            found.append(Device(uuid, name, number, memory.get((uuid, -1), 0)))
        elif part and parent >= 0:
            gpu = found[parent] = found[parent]._replace(divided=True)
            mebibytes = memory.get((gpu.uuid, int(part.group(2))), 0)
            name = "{} MIG {}".format(gpu.name, part.group(1))  # As NVML has it.
            found.append(Device(part.group(3).strip(), name, gpu.number, mebibytes))
    return found


def _memory(program: str) -> Dict[Tuple[str, int], int]:
    """In MiB, by a GPU's UUID and the number of an instance in it; -1: the whole GPU.

    What cannot be found out is left out: a container may not be shown all of it.
    """
    try:
        log = xml.etree.ElementTree.fromstring(output_of([program, "-q", "-x"], MACHINE_UNFIT))
    except (Trouble, xml.etree.ElementTree.ParseError):
        return {}
    found: Dict[Tuple[str, int], int] = {}
    for gpu in log.iter("gpu"):
        uuid = gpu.findtext("uuid", "").strip()
        parts = [(int(part.findtext("index", "-2")), part) for part in gpu.iter("mig_device")]
        for number, element in [(-1, gpu), *parts]:
            words = element.findtext("fb_memory_usage/total", "").split()
            if len(words) == 2 and words[0].isdigit():
                found[uuid, number] = int(words[0])
    return found
