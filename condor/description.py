"""From a class of glideins to a submit description, for pcm and for ``condor_submit`` by hand.

What becomes of a job is decided here, by expressions that the schedd evaluates:

exit status   what the glidein meant                          what happens to the job
0             it was let go, or found no manager              it leaves the queue
3             its walltime was about to end                   it is queued again
75            this machine cannot run a worker                held for a while, then elsewhere
76, others    the glidein itself is broken                    held, for a person to look at
evicted       the machine's owner wanted it back              it is queued again
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping
from pathlib import Path

from condor import materials
from condor.glideins import Glideins
from condor.invitation import Invitation
from condor.jobs import MACHINE_UNFIT, UNFIT_TIMES
from pcm.errors import InputError

AGAIN = 3
RUN, CLASS, MANAGER, AVOID = "PcmRun", "PcmClass", "PcmManager", "PcmAvoid"
"""Attributes of our jobs. ``PcmAvoid``: machines on which glideins found that they cannot work."""
TROUBLE = "ChirpPcmTrouble"
"""An attribute that the glidein sets on its job before it exits with 75 or 76."""
MACHINES_REMEMBERED = 5
"""A job avoids as many of the machines that it was last on, while the last was unfit."""
BACKOFF_SECONDS = 60
"""How long a job is held after an unfit machine; twice as long after each further one."""
EXTRA_VACATE_SECONDS = 10
"""For what the glidein itself does after its worker's grace."""
LEASE_SECONDS = 600
"""A job whose machine does not answer for so long is queued again; one whose schedd does not answer
for so long is ended by its machine."""
OVERTIME_SECONDS = 600
"""A job is removed when it is so late in leaving before its walltime."""


def describe(
    glideins: Glideins, invitation: Invitation, run: str, directory: Path
) -> dict[str, str]:
    """Submit commands by name, without ``queue``; ``directory`` is where the materials lie.

    Raises InputError for an image that is neither here nor can be on the nodes.
    """
    commands = {
        "batch_name": f"pcm {run} {glideins.name}",
        "initialdir": str(directory),
        "executable": str(directory / materials.STUB),
        "arguments": _quoted(_arguments(glideins, invitation)),
        "log": str(materials.log(directory, glideins.name)),
        "output": f"{materials.OUTPUT}/{glideins.name}.$(Cluster).$(Process).out",
        "error": f"{materials.OUTPUT}/{glideins.name}.$(Cluster).$(Process).err",
        "should_transfer_files": "yes",
        "when_to_transfer_output": "on_exit",
        "transfer_input_files": ", ".join(_input_files(glideins)),
        "transfer_output_files": '""',
        "notification": "never",
    }
    commands |= _container(glideins)
    if glideins.environment:
        commands["environment"] = _quoted_environment(glideins.environment)
    commands |= _resources(glideins) | _fate(glideins)
    commands["requirements"] = " && ".join(f"({clause})" for clause in _requirements(glideins))
    for name, value in (
        ("rank", glideins.rank),
        ("accounting_group", glideins.accounting_group),
        ("accounting_group_user", glideins.accounting_user),
    ):
        if value:
            commands[name] = value
    commands |= {
        f"My.{RUN}": _string(run),
        f"My.{CLASS}": _string(glideins.name),
        f"My.{MANAGER}": _string(invitation.address),
        f"My.{AVOID}": _string(""),
        "My.WantIOProxy": "true",  # For the glidein to say what its trouble is.
        "job_machine_attrs": "Machine",
        "job_machine_attrs_history_length": str(MACHINES_REMEMBERED),
    }
    commands |= {f"My.{key.lstrip('+')}": value for key, value in glideins.attributes.items()}
    return commands | dict(glideins.submit)


def text(commands: dict[str, str], count: int) -> str:
    """A file for ``condor_submit``."""
    lines = [f"{name} = {value}" for name, value in commands.items()]
    return "\n".join([*lines, f"queue {count}", ""])


def _container(glideins: Glideins) -> dict[str, str]:
    """Which image it runs in, and whether that is sent: a file here is, other paths are nodes'.

    HTCondor takes whatever runtime the machine has, and by the image's kind asks for one that can
    run it; neither ``+SingularityImage`` nor a requirement of our own is needed.
    """
    if not glideins.image:
        return {"universe": "vanilla"}
    commands = {
        "universe": "container",
        "container_image": glideins.image,
        "transfer_executable": "true",  # Its path being absolute, it would be sought in the image.
    }
    path = Path(glideins.image)
    if "://" in glideins.image:
        return commands
    if path.is_file() and path.suffix == ".sif":
        return commands | {"container_image": str(path.absolute())}
    if path.is_absolute() and not path.is_file():
        return commands | {"transfer_container": "false"}
    raise InputError(
        f"{glideins.image} is neither a .sif file here nor an absolute path on the nodes",
        field="image",
        mend='give a .sif file, a directory on the nodes like "/cvmfs/...", or "docker://..."',
    )


def image_condition(glideins: Glideins) -> str:
    """What HTCondor by itself asks of a machine for the image, as a ClassAd expression; empty
    without one."""
    if not glideins.image:
        return ""
    if glideins.image.startswith("docker:"):
        kind = "HasDockerURL"
    else:
        kind = "HasSIF" if glideins.image.endswith(".sif") else "HasSandboxImage"
    return f"TARGET.HasContainer && TARGET.{kind}"


def _resources(glideins: Glideins) -> dict[str, str]:
    commands = {
        "request_cpus": str(glideins.cpus),
        "request_memory": str(_mebibytes(glideins.memory_bytes)),
        "request_disk": str(math.ceil(glideins.disk_bytes / 1024)),  # In KiB.
    }
    if not glideins.gpus:
        return commands
    commands["request_gpus"] = str(glideins.gpus)
    if conditions := gpu_conditions(glideins):
        commands["require_gpus"] = " && ".join(conditions.values())
    return commands


def gpu_conditions(glideins: Glideins) -> dict[str, str]:
    """What each GPU must fulfil, as ClassAd expressions over its properties, by the field."""
    conditions = {}
    if glideins.gpu_memory_bytes:
        conditions["gpu_memory"] = f"GlobalMemoryMb >= {_mebibytes(glideins.gpu_memory_bytes)}"
    if glideins.capability is not None:
        conditions["capability"] = f"Capability >= {glideins.capability}"
    if glideins.require_gpus:
        conditions["require_gpus"] = f"({glideins.require_gpus})"
    return conditions


def _fate(glideins: Glideins) -> dict[str, str]:
    vacate_seconds = math.ceil(glideins.grace_seconds) + EXTRA_VACATE_SECONDS
    exited = "(ExitBySignal =?= false)"
    on_machine = 'strcat("machine ", MachineAttrMachine0 ?: "?", ": ")'
    broken = '"this glidein is broken: "'
    unfit = f"(HoldReasonCode == 3) && (HoldReasonSubCode == {MACHINE_UNFIT})"
    held_seconds = "(time() - EnteredCurrentStatus)"
    over = [f"((JobStatus == 5) && ({held_seconds} > 86400))"]
    if glideins.walltime_seconds is not None:
        late_seconds = math.ceil(glideins.walltime_seconds) + OVERTIME_SECONDS
        over.append(f"((JobStatus == 2) && ({held_seconds} > {late_seconds}))")
    return {
        "job_max_vacate_time": str(vacate_seconds),
        "want_graceful_removal": "true",
        "job_lease_duration": str(LEASE_SECONDS),
        "on_exit_remove": f"{exited} && (ExitCode =!= {AGAIN})",
        "on_exit_hold": f"{exited} && (ExitCode =!= 0) && (ExitCode =!= {AGAIN})",
        "on_exit_hold_subcode": "ExitCode",
        "on_exit_hold_reason": (
            f"strcat(ifThenElse(ExitCode =!= {MACHINE_UNFIT}, {broken}, {on_machine}),"
            f' {TROUBLE} ?: "its output says why")'
        ),
        "periodic_release": (
            f"{unfit} && (NumHolds < {UNFIT_TIMES}) &&"
            f" ({held_seconds} > {BACKOFF_SECONDS} * pow(2, NumHolds - 1))"
        ),
        "periodic_remove": " || ".join(over),
    }


def _requirements(glideins: Glideins) -> list[str]:
    """The user's own, and to stay away from machines where it did not work."""
    last = range(MACHINES_REMEMBERED)
    elsewhere = " && ".join(f"(TARGET.Machine =!= MachineAttrMachine{n})" for n in last)
    clauses = [
        f"(LastHoldReasonSubCode =!= {MACHINE_UNFIT}) || ({elsewhere})",
        f"!stringListMember(TARGET.Machine, MY.{AVOID})",
    ]
    return [glideins.requirements, *clauses] if glideins.requirements else clauses


def _input_files(glideins: Glideins) -> list[str]:
    names = [materials.PROGRAM, materials.KIT, materials.PASSWORD]
    return [*names, str(Path(glideins.archive).absolute())] if glideins.archive else names


def _arguments(glideins: Glideins, invitation: Invitation) -> list[str]:
    arguments = [
        *("--manager", invitation.address, "--password-file", materials.PASSWORD),
        *("--kit", materials.KIT, "--name", f"g.{glideins.name}.$(Cluster).$(Process)"),
        *(
            "--pool",
            glideins.pool,
            "--python-version",
            invitation.python,
            "--cores",
            str(glideins.cpus),
        ),
        *("--grace", f"{glideins.grace_seconds:g}"),
        *("--patience", f"{invitation.patience_seconds:g}"),
        *("--gpus", str(glideins.gpus)),
    ]
    for option, value in (
        ("--python", glideins.python),
        ("--scratch", glideins.scratch),
        ("--archive", Path(glideins.archive).name if glideins.archive else ""),
        ("--walltime", f"{glideins.walltime_seconds:g}" if glideins.walltime_seconds else ""),
        ("--gpu-memory", str(_mebibytes(glideins.gpu_memory_bytes) or "")),
    ):
        if value:
            arguments += [option, value]
    packed = bool(glideins.image or glideins.archive)
    for option, given in (
        ("--ssl", invitation.ssl),
        ("--packed", packed),
        ("--trust-gpus", not glideins.check_gpus),
    ):
        arguments += [option] * given
    return arguments


def _mebibytes(size_bytes: int) -> int:
    return math.ceil(size_bytes / (1 << 20))


def _quoted(arguments: list[str]) -> str:
    """In the new syntax: the whole in double quotes, an argument with blanks in single ones."""
    words = []
    for argument in arguments:
        word = argument.replace('"', '""').replace("'", "''")
        words.append(f"'{word}'" if word != shlex.quote(word) and "$(" not in word else word)
    return '"' + " ".join(words) + '"'


def _quoted_environment(variables: Mapping[str, str]) -> str:
    parts = []
    for name, value in variables.items():
        word = value.replace('"', '""').replace("'", "''")
        parts.append(f"{name}='{word}'")
    return '"' + " ".join(parts) + '"'


def _string(value: str) -> str:
    """As a ClassAd string."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
