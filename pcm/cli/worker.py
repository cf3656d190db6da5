"""``pcm worker``: serve a manager that uses TaskVine with this machine's GPU and cores."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pcm.cli.verbs import verb

if TYPE_CHECKING:
    from pcm.engines.local.sharing import Share


GRACE_SECONDS = 10.0
"""The launcher's own default."""


@verb
def command(
    *,
    manager: Annotated[
        str,
        typer.Argument(metavar="MANAGER", help="HOST:PORT, or the directory of a run."),
    ],
    password_file: Annotated[
        Path | None,
        typer.Option(help="The manager's, or a copy. A run's directory has it already."),
    ] = None,
    ssl: Annotated[bool, typer.Option("--ssl", help="The manager encrypts (--ssl).")] = False,
    workers: Annotated[
        int, typer.Option(min=1, help="How many; each gets its share of GPUs and cores.")
    ] = 1,
    name: Annotated[
        str | None, typer.Option("--id", help="The worker's name; else made from the host's.")
    ] = None,
    gpus: Annotated[
        str | None,
        typer.Option(help="CUDA_VISIBLE_DEVICES: numbers or UUIDs; else as it is set."),
    ] = None,
    gpus_per_worker: Annotated[
        int | None,
        typer.Option(min=1, help="Of these; else all for one worker, one for each of several."),
    ] = None,
    cores: Annotated[
        int | None, typer.Option(min=1, help="Threads for each worker; else its share of all.")
    ] = None,
    scratch: Annotated[
        Path | None, typer.Option(help="Where it works; else the folder for temporary files.")
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(help="Node-local folder that keeps model files for other workers, too."),
    ] = None,
    never_shared: Annotated[
        bool,
        typer.Option(
            "--never-shared", help="Do not read model files at the manager's paths, if seen."
        ),
    ] = False,
    logs: Annotated[Path | None, typer.Option(help="Keep its logs in this folder.")] = None,
    grace: Annotated[
        float | None, typer.Option(min=0, help="Seconds from SIGTERM to the end (10).")
    ] = None,
    patience: Annotated[
        float | None, typer.Option(min=0, help="Seconds without a manager to its end (300).")
    ] = None,
    walltime: Annotated[
        str | None,
        typer.Option(help='It leaves in good order before so long ("8 h"); the manager is told.'),
    ] = None,
    zone: Annotated[
        str | None,
        typer.Option(help="Whose machines are taken away together with this: a site, a rack."),
    ] = None,
    once: Annotated[
        bool, typer.Option("--once", help="End with the connection; do not look for it again.")
    ] = False,
) -> int:
    """Start a worker for a manager with the taskvine engine.

    Ctrl-C or SIGTERM: it gives back what is finished and leaves. Exit codes: 0 it left in good
    order, or no manager was there for as long as its patience lasts; 1 it cannot work here, or
    (--once) its connection was lost; 2 bad input, or the manager refused it.
    """
    from pcm.cli.crew import Command, Crew
    from pcm.cli.whereabouts import find

    seconds = None if walltime is None else _seconds(walltime, grace)
    where = find(manager, password_file, ssl)
    options = [
        *("--password-file", where.password_file) * bool(where.password_file),
        *("--ssl",) * where.ssl,
        *_option("--scratch", scratch),
        *_option("--cache", cache),
        *("--never-shared",) * never_shared,
        *_option("--logs", logs),
        *_option("--grace", grace),
        *_option("--patience", patience),
        *_option("--walltime", seconds),
        *_option("--zone", zone),
        *("--once",) * once,
    ]
    arguments = [sys.executable, "-P", "-m", "workers.launch", where.address, *options]
    if workers == 1 and gpus_per_worker is None:
        return _become(
            [
                *arguments,
                *_option("--id", name),
                *_option("--gpus", gpus),
                *_option("--cores", cores),
            ]
        )
    commands: list[Command] = []
    for share in _shares(workers, gpus, gpus_per_worker or 1, cores):
        of_this = ["--gpus", ",".join(share.gpus), "--cores", str(share.threads)]
        if name is not None:
            of_this += ["--id", name if workers == 1 else f"{name}-{len(commands) + 1}"]
        commands.append(Command([*arguments, *of_this], share.environment()))
    return Crew(commands).work()


def _seconds(walltime: str, grace: float | None) -> float:
    """Raises InputError for what is no time, or too short to work in."""
    from condor.times import parse_seconds
    from pcm.errors import InputError

    plain = walltime.strip()
    seconds = parse_seconds(float(plain) if plain.isdigit() else plain, field="--walltime")
    grace_seconds = GRACE_SECONDS if grace is None else grace
    if seconds <= grace_seconds:
        raise InputError(
            f"{walltime!r} leaves no time to work in, with {grace_seconds:g} s to leave in",
            field="--walltime",
            mend="give more, or less to --grace",
        )
    return seconds


def _option(name: str, value: object) -> list[str]:
    return [] if value is None else [name, str(value)]


def _become(arguments: list[str]) -> int:
    """This process becomes the launcher, so that signals reach it and its exit code is ours."""
    from workers.host.processes import search_path

    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(arguments[0], arguments, os.environ | {"PYTHONPATH": search_path()})


def _shares(workers: int, gpus: str | None, gpus_per_worker: int, cores: int | None) -> list[Share]:
    """Raises InputError for GPUs that are not there, or fewer than workers."""
    from pcm.engines.local.sharing import Sharing

    chosen = None
    if gpus is not None:
        names = [name.strip() for name in gpus.split(",") if name.strip()]
        chosen = [int(name) if name.isdigit() else name for name in names]
    sharing = Sharing(workers, cores, chosen, gpus_per_worker)
    return [sharing.take(workers) for _ in range(workers)]
