"""Glideins: what a user declares of one class of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from condor.times import parse_seconds
from pcm.errors import InputError
from pcm.sizes import parse_bytes

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}")
_ATTRIBUTE = re.compile(r"\+?[A-Za-z_][A-Za-z0-9_]*")
_COMMAND = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
OURS = {
    *("executable", "arguments", "universe", "transfer_input_files", "transfer_output_files"),
    *("should_transfer_files", "when_to_transfer_output", "on_exit_hold", "on_exit_remove"),
    *("on_exit_hold_reason", "on_exit_hold_subcode", "periodic_release", "periodic_remove"),
    *("job_max_vacate_time", "log", "output", "error", "initialdir", "queue", "environment"),
    *("batch_name", "max_retries", "success_exit_code"),
}
"""Submit commands that make a glidein what it is; ``submit`` may not replace them."""


@dataclass(frozen=True, kw_only=True)
class Glideins:
    """One class of glideins: jobs that ask for the same, and start workers of one pool.

    Args:
        name: of the class, such as ``"a100"``; its workers are those of the pool
            ``glidein:NAME``.
        most: how many there may be at a time.
        least: how many there are at least while a run has work.
        gpus: how many GPUs each has. 0: none.
        gpu_memory: what each of its GPUs has at least, such as ``"40 GB"``.
        capability: the least CUDA capability, such as 8.0.
        require_gpus: any further condition on a GPU, as HTCondor's submit command of this name.
        cpus, memory, disk: what each gets of its machine.
        requirements, rank: on machines, as HTCondor's submit commands of these names.
        walltime: it leaves in good order before so long, such as ``"8 h"``; None: it stays as long
            as the manager has use for it.
        grace: how long one that is evicted may take to return what it has finished.
        accounting_group, accounting_user: whom its use is charged to.
        attributes: of the job, for policies of a site: name to ClassAd expression, so that text
            has quotes of its own (``{"ProjectName": '"MyProject"'}``).
        submit: further lines of the submit description.
        environment: variables for the job.
        image: a container to run in: ``docker://...``, a ``.sif`` file, or a path on the nodes.
        archive: a packed environment (conda-pack, a ``.tar.gz``) that is sent and unpacked there.
        python: the worker's Python: a path on the node (or in the image), or in the archive,
            relative to it. Default: ``bin/python`` of an archive, else the first ``python3``.
        scratch: a directory on the nodes for the worker's files; default: the job's own.
        collector, schedd: names of a pool and a schedd other than this machine's.
        check_gpus: whether the glidein looks for the GPU it was given before it starts its worker;
            False where GPUs are simulated.
        check_match: whether a class that none of the pool's machines matches is refused; False
            where machines come only when jobs wait for them.

    Raises InputError for what cannot be meant.
    """

    name: str
    most: int
    least: int = 0
    gpus: int = 1
    gpu_memory: str | int | float | None = None
    capability: float | None = None
    require_gpus: str = ""
    cpus: int = 1
    memory: str | int | float = "8 GB"
    disk: str | int | float = "10 GB"
    requirements: str = ""
    rank: str = ""
    walltime: str | int | float | None = None
    grace: str | int | float = "60 s"
    accounting_group: str = ""
    accounting_user: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    submit: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    image: str = ""
    archive: str | Path = ""
    python: str = ""
    scratch: str = ""
    collector: str = ""
    schedd: str = ""
    check_gpus: bool = True
    check_match: bool = True

    def __post_init__(self) -> None:
        self._check_name()
        self._check_numbers()
        self._check_gpu_conditions()
        self._check_mappings()
        self._check_software()
        if self.walltime_seconds is not None and self.walltime_seconds <= 2 * self.grace_seconds:
            raise InputError(
                f"{self.walltime!r} leaves no time to work in, with {self.grace!r} to leave in",
                field="walltime",
                mend="give more than twice the grace",
            )

    # -- in units --------------------------------------------------------------------------------

    @cached_property
    def gpu_memory_bytes(self) -> int:
        """0: no condition."""
        return 0 if self.gpu_memory is None else parse_bytes(self.gpu_memory, field="gpu_memory")

    @cached_property
    def memory_bytes(self) -> int:
        return parse_bytes(self.memory, field="memory")

    @cached_property
    def disk_bytes(self) -> int:
        return parse_bytes(self.disk, field="disk")

    @cached_property
    def walltime_seconds(self) -> float | None:
        return None if self.walltime is None else parse_seconds(self.walltime, field="walltime")

    @cached_property
    def grace_seconds(self) -> float:
        return parse_seconds(self.grace, field="grace")

    @property
    def pool(self) -> str:
        """The name of its pool in the core."""
        return f"glidein:{self.name}"

    # -- checks ----------------------------------------------------------------------------------

    def _check_name(self) -> None:
        if not _NAME.fullmatch(self.name):
            mend = "use letters, digits, - and _, beginning with a letter, 32 at most"
            raise InputError(f"{self.name!r} is no name of a class", field="name", mend=mend)

    def _check_numbers(self) -> None:
        for name, least in (("most", 1), ("least", 0), ("gpus", 0), ("cpus", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise InputError(f"is {value!r}", field=name, mend=f"give {least} or more")
        if self.least > self.most:
            raise InputError(
                f"is {self.least}, with {self.most} at most", field="least", mend="lower it"
            )
        for name in ("memory", "disk"):
            if getattr(self, f"{name}_bytes") < 1 << 20:
                value = getattr(self, name)
                raise InputError(f"{value!r} is less than 1 MiB", field=name, mend="give more")
        if self.grace_seconds < 1:
            raise InputError(f"is {self.grace!r}", field="grace", mend="give 1 s or more")

    def _check_gpu_conditions(self) -> None:
        if self.capability is not None and not 1 <= self.capability < 100:
            raise InputError(
                f"is {self.capability!r}", field="capability", mend="write it like 7.5 or 8.0"
            )
        conditions = {
            "gpu_memory": self.gpu_memory_bytes,
            "capability": self.capability,
            "require_gpus": self.require_gpus,
        }
        for name, value in conditions.items():
            if value and not self.gpus:
                raise InputError("is given, with no GPU asked for", field=name, mend="give gpus")

    def _check_mappings(self) -> None:
        for name, known, kind in (
            ("attributes", _ATTRIBUTE, "an attribute of a job"),
            ("submit", _COMMAND, "a submit command"),
            ("environment", _ATTRIBUTE, "a variable"),
        ):
            for key, value in getattr(self, name).items():
                if not isinstance(key, str) or not known.fullmatch(key):
                    raise InputError(f"{key!r} is no name of {kind}", field=name, mend="rename it")
                if not isinstance(value, str) or "\n" in value:
                    raise InputError(f"{key} is {value!r}", field=name, mend="give one line")
        for key in self.submit:
            if key.lower() in OURS:
                raise InputError(f"{key} is pcm's own to give", field="submit", mend="leave it out")

    def _check_software(self) -> None:
        if self.image and self.archive:
            mend = "give one of them: the environment can be in the image"
            raise InputError("goes with no image", field="archive", mend=mend)
        if self.archive and not Path(self.archive).is_file():
            mend = "make it with `conda-pack -o FILE.tar.gz`"
            raise InputError(f"{self.archive} is no file", field="archive", mend=mend)
        if self.archive and self.python.startswith("/"):
            mend = 'name it relative to the archive, like "bin/python"'
            raise InputError(f"{self.python} is absolute", field="python", mend=mend)
