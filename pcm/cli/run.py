"""``pcm run``: carry out a run file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from pcm.cli import exits
from pcm.cli.verbs import AsJson, Dashboard, Engine, Listen, PasswordFile, Ssl, Workers, emit, verb
from pcm.durations import counted
from pcm.errors import InputError


@verb
def command(
    *,
    file: Annotated[Path | None, typer.Argument(help="The run file (YAML).")] = None,
    engine: Engine = None,
    workers: Workers = None,
    listen: Listen = None,
    password_file: PasswordFile = None,
    ssl: Ssl = False,
    dashboard: Dashboard = None,
    directory: Annotated[
        str | None, typer.Option(help="The run's directory, instead of the file's.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many items.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Only check; start nothing.")] = False,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema of run files.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Carry out a run file. The same command again resumes what was begun."""
    if schema:
        return _print_schema()
    if file is None:
        raise InputError("no run file is given", mend="write pcm run FILE.yaml")
    from pcm.cli.choice import Choice, chosen, given_options
    from pcm.cli.served import wish
    from pcm.runfile import prepare, read

    run_file, document = read(file)
    options = given_options(listen, password_file, ssl)
    wish(dashboard)  # before anything else: it may be misspelt
    chosen(engine, options, run_file.carrier)
    plan = prepare(
        run_file,
        document,
        engine=engine,
        engine_options=options,
        workers=workers,
        directory=directory,
        limit=limit,
    )
    if check:
        if as_json:
            emit({"items": plan.item_count, "directory": str(plan.directory), "exit_code": 0})
        else:
            typer.echo(f"{plan.name}: {counted(plan.item_count, 'item')}; nothing is wrong")
        return exits.SUCCEEDED
    from pcm.cli.conduct import carry_out
    from pcm.cli.supply import Supply

    return carry_out(
        Choice(plan.engine, plan.engine_options, plan.telemetry),
        plan.workers,
        plan.directory,
        lambda manager: manager.map(
            plan.task,
            plan.items,
            context=plan.context,
            key=plan.items.key,
            directory=plan.directory,
            batch=plan.batch,
            outputs=plan.outputs,
            name=plan.name,
            failure_limit=plan.failure_limit,
        ),
        supply=Supply(plan.glideins, plan.home, plan.host),
        dashboard=plan.dashboard if dashboard is None else wish(dashboard),
        as_json=as_json,
    )


def _print_schema() -> int:
    from pcm.runfile import RunFile

    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **RunFile.model_json_schema(),
    }
    typer.echo(json.dumps(schema, indent=2))
    return exits.SUCCEEDED
