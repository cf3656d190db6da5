"""Other people's jobs, in a personal pool: they take GPUs of a machine and sleep."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

LOG = "sleepers.log"


def description(
    machine: str,
    directory: Path,
    seconds: float,
    *,
    gpus: int = 1,
    jobs: int = 1,
    more: Mapping[str, str] | None = None,
) -> str:
    """For ``condor_submit``: so many jobs of so many GPUs each. Their log is ``LOG`` in the
    directory. ``more``: further submit commands."""
    further = "".join(f"{name} = {value}\n" for name, value in (more or {}).items())
    return f"""\
executable = /bin/sleep
arguments = {seconds:g}
transfer_executable = false
should_transfer_files = yes
request_cpus = 1
request_memory = 100
request_disk = 100
request_gpus = {gpus}
requirements = Machine == "{machine}.pool"
initialdir = {directory}
log = {LOG}
{further}queue {jobs}
"""
