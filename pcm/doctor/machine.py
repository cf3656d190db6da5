"""What this machine is, as a worker's probe sees it; asked in a process of its own."""

from __future__ import annotations

import os
import shutil
import tempfile

import msgspec

from pcm.doctor.base import Check, Section
from pcm.doctor.commands import python
from workers.protocol import Machine

LIMIT_SECONDS = 60.0
SCARCE_DISK_BYTES = 2 * 10**9

PROBE = "import msgspec, workers.probe as p; print(msgspec.json.encode(p.machine()).decode())"


def machine(program: str = PROBE, limit_seconds: float = LIMIT_SECONDS) -> Section:
    """GPUs, cores, memory and disk. A driver that hangs or crashes is a finding, not our end."""
    answer = python("-c", program, timeout_seconds=limit_seconds)
    if answer.code != 0:
        detail = (
            answer.last_line
            if answer.code is not None
            else f"no answer after {limit_seconds:g} s: a GPU driver may hang (try nvidia-smi)"
        )
        return Section("machine", [Check("probe", "broken", detail)])
    found = msgspec.json.decode(answer.stdout.strip().splitlines()[-1], type=Machine)
    gpus = [
        Check(f"GPU {gpu.index}", "ok", f"{gpu.name}, {_gigabytes(gpu.memory_bytes)}")
        for gpu in found.gpus
    ]
    return Section(
        "machine",
        [
            *(gpus or [Check("GPUs", "note", "none found: contexts are loaded on the CPU")]),
            Check("cores", "ok", str(found.cores)),
            Check("memory", "ok", _gigabytes(found.memory_bytes)),
            _disk("disk here", os.getcwd()),
            _disk("disk for temporary files", tempfile.gettempdir()),
        ],
    )


def _disk(name: str, path: str) -> Check:
    free = shutil.disk_usage(path).free
    detail = f"{_gigabytes(free)} free in {path}"
    if free >= SCARCE_DISK_BYTES:
        return Check(name, "ok", detail)
    return Check(name, "broken", detail, "free some space: runs keep their results there")


def _gigabytes(count: int) -> str:
    return f"{count / 10**9:.1f} GB"
