"""What this machine offers a worker: cores, memory, disk, GPUs, versions.

Nothing heavy is imported; whatever cannot be found out is reported as absent, never as an error.
``python -m workers.probe`` prints it as JSON.
"""

from __future__ import annotations

import glob
import math
import os
import platform
import socket
import sys
from collections.abc import Iterator
from typing import Any

import msgspec

from workers.protocol import Gpu, Machine

PACKAGES = (
    "pcm",
    "torch",
    "transformers",
    "safetensors",
    "tokenizers",
    "accelerate",
    "vllm",
    "numpy",
    "msgspec",
    "cloudpickle",
)
ACCELERATORS_VARIABLE = "PCM_ACCELERATORS"
"""What a batch system said of the GPUs that it gave: a JSON list of ``Gpu``."""
ZONE_VARIABLE = "PCM_ZONE"
"""Whose machines are taken away together with this one: a site, a rack."""
ZONE_CHARACTERS = 64
_CGROUPS = "/sys/fs/cgroup"
_NO_LIMIT = 1 << 60
"""Control groups of version 1 write a number near 2**63 where there is no limit."""


def machine(scratch: str = ".") -> Machine:
    """All of it; ``scratch`` is a directory on the disk whose free space counts."""
    return Machine(
        host=socket.gethostname(),
        cores=cores(),
        memory_bytes=memory_bytes(),
        disk_bytes=disk_bytes(scratch),
        python=platform.python_version(),
        gpus=tuple(gpus()),
        packages=packages(),
        zone=zone(os.environ.get(ZONE_VARIABLE, "")),
    )


def zone(text: str) -> str:
    """A zone's name, of what can be printed, and not too long."""
    return "".join(filter(str.isprintable, text)).strip()[:ZONE_CHARACTERS]


def cores(cgroups: str = _CGROUPS) -> int:
    """Cores this process may use: its affinity, and its control group's share of time."""
    count = float(len(os.sched_getaffinity(0)))
    for folder in _own_groups(cgroups, "cpu"):
        quota, period = [*_words(f"{folder}/cpu.max"), "", ""][:2]
        if not quota:
            quota = _word(f"{folder}/cpu.cfs_quota_us")
            period = _word(f"{folder}/cpu.cfs_period_us")
        if quota.isdigit() and period.isdigit() and int(period):
            count = min(count, int(quota) / int(period))
    return max(1, math.ceil(count))


def memory_bytes(cgroups: str = _CGROUPS) -> int:
    """Main memory this process may use: the machine's, or less by its control group's limit."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for folder in _own_groups(cgroups, "memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            limit = _word(f"{folder}/{name}")
            if limit.isdigit() and int(limit) < _NO_LIMIT:
                total = min(total, int(limit))
    return total


def disk_bytes(directory: str) -> int:
    """Free space for an ordinary user on the disk of a directory; 0 if it cannot be told."""
    try:
        status = os.statvfs(directory)
    except OSError:
        return 0
    return status.f_bavail * status.f_frsize


def packages() -> dict[str, str]:
    """Versions of what matters for inference, as installed; absent ones are left out.

    Read off the names of the installers' records (``torch-2.9.0.dist-info``), as
    ``importlib.metadata`` does, whose import alone would double the start of a worker.
    """
    found: dict[str, str] = {}
    for directory in sys.path:
        for record in _names(directory or "."):
            stem, ending = os.path.splitext(record)
            if ending in (".dist-info", ".egg-info"):
                package, _, version = stem.lower().partition("-")
                found.setdefault(package, version.partition("-py")[0])
    return {package: found[package] for package in PACKAGES if package in found}


def gpus() -> list[Gpu]:
    """The GPUs (or MIG instances) that CUDA would show this process, in its order.

    NVML sees the whole machine, so CUDA_VISIBLE_DEVICES is applied here as CUDA does. Where it sees
    nothing at all they are those that the batch system said it gave.
    """
    found = _driven()
    if found:
        return visible(found, os.environ.get("CUDA_VISIBLE_DEVICES"))
    return told(os.environ.get(ACCELERATORS_VARIABLE, ""))


def told(text: str) -> list[Gpu]:
    """GPUs as whoever started this worker describes them, in JSON; none if that cannot be read."""
    try:
        return msgspec.json.decode(text or "[]", type=list[Gpu])
    except msgspec.MsgspecError:
        return []


def _driven() -> list[Gpu]:
    """All that the driver has; none if it, or NVML, is not here."""
    if not glob.glob("/dev/nvidia[0-9]*") and not os.path.exists("/dev/dxg"):
        return []
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception:
        return []
    try:
        return list(devices(pynvml))
    except Exception:
        return []
    finally:
        pynvml.nvmlShutdown()


def devices(nvml: Any) -> Iterator[Gpu]:
    """All GPUs that the driver has; in place of one that is divided, its MIG instances.

    ``nvml``: the module pynvml, initialised. The index is that of the whole GPU.
    """
    for index in range(nvml.nvmlDeviceGetCount()):
        try:
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
        except nvml.NVMLError:
            continue  # Lost, or not for us; the others may be well.
        parts = list(_instances(nvml, handle))
        for part in parts or [handle]:
            try:
                yield Gpu(
                    index=index,
                    uuid=_text(nvml.nvmlDeviceGetUUID(part)),
                    name=_text(nvml.nvmlDeviceGetName(part)),
                    memory_bytes=_gpu_memory_bytes(nvml, part),
                )
            except nvml.NVMLError:
                continue


def visible(found: list[Gpu], setting: str | None) -> list[Gpu]:
    """What CUDA shows of these: entries are indices or (starts of) UUIDs; the first that names
    nothing hides itself and all behind it (CUDA C Programming Guide, environment variables)."""
    if setting is None:
        return found
    shown: list[Gpu] = []
    for entry in (part.strip() for part in setting.split(",")):
        if entry.isdigit():
            named = [gpu for gpu in found if gpu.index == int(entry)][:1]
        else:
            named = [gpu for gpu in found if entry and gpu.uuid.startswith(entry)]
        if len(named) != 1 or named[0] in shown:
            break
        shown += named
    return shown


def _instances(nvml: Any, handle: Any) -> Iterator[Any]:
    try:
        if nvml.nvmlDeviceGetMigMode(handle)[0] != nvml.NVML_DEVICE_MIG_ENABLE:
            return
        count = nvml.nvmlDeviceGetMaxMigDeviceCount(handle)
    except nvml.NVMLError:
        return  # A GPU that cannot be divided.
    for index in range(count):
        try:
            yield nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, index)
        except nvml.NVMLError:
            continue


def _gpu_memory_bytes(nvml: Any, handle: Any) -> int:
    try:
        return int(nvml.nvmlDeviceGetMemoryInfo(handle).total)
    except nvml.NVMLError:
        # Memory shared with the processor has no size of its own.
        return memory_bytes()


def _own_groups(root: str, controller: str) -> list[str]:
    """Folders of this process's control group and all above it, in versions 1 and 2."""
    folders = [root, f"{root}/{controller}"]
    for line in _lines("/proc/self/cgroup"):
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        base = root if not controllers else f"{root}/{controller}"
        if not controllers or controller in controllers.split(","):
            while path not in ("", "/"):
                folders.append(base + path)
                path = os.path.dirname(path)
    return folders


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().splitlines()
    except (OSError, UnicodeDecodeError):
        return []


def _names(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return []


def _words(path: str) -> list[str]:
    return " ".join(_lines(path)).split()


def _word(path: str) -> str:
    return (_words(path) or [""])[0]


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def main() -> None:
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(machine())).decode() + "\n")


if __name__ == "__main__":
    main()
