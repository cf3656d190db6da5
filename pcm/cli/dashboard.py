"""``pcm dashboard``: look at runs in a browser, while they go on and afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pcm.cli import exits
from pcm.cli.verbs import AsJson, emit, verb

if TYPE_CHECKING:
    from pcm.access import Address, DashboardNote

ANSWER_SECONDS = 10.0
"""A manager that serves a dashboard may have to start its process first."""


@verb
def command(
    *,
    directories: Annotated[
        list[Path], typer.Argument(metavar="DIR", help="Runs, or folders that hold runs.")
    ],
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 0,
    host: Annotated[
        str, typer.Option(help="Another address of this machine than its own; not encrypted.")
    ] = "127.0.0.1",
    token_file: Annotated[
        Path | None, typer.Option(help="What one must know to get in; made if it is not there.")
    ] = None,
    own: Annotated[
        bool, typer.Option("--own", help="Serve here even if the run's manager does already.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Look at runs in a browser: as they are now, or at any moment since they began.

    Of a run whose manager serves a page this only tells its address; else it serves until Ctrl-C,
    and changes nothing in the runs' directories."""
    from pcm.access import Address
    from pcm.cli.served import told

    if not own and len(directories) == 1:
        note = served_by_manager(directories[0])
        if note is not None:
            if as_json:
                emit({"url": note.url, "pid": note.pid, "exit_code": exits.SUCCEEDED})
            else:
                typer.echo(told(note.url, Address(note.host, note.port)))
            return exits.SUCCEEDED
    return _serve(directories, Address(host, port), token_file, as_json=as_json)


def served_by_manager(directory: Path) -> DashboardNote | None:
    """The note of a manager on this machine that serves a page of the run; None if none answers.
    One on another machine is told of."""
    import http.client
    import json
    import socket

    from pcm.access import DashboardNote

    note = DashboardNote.read(directory)
    if note is None:
        return None
    if note.machine != socket.gethostname():
        tunnel = f"ssh -N -L {note.port}:{note.host}:{note.port} {note.machine}"
        typer.echo(f"its manager serves {note.url} on {note.machine}: {tunnel}", err=True)
        return None
    connection = http.client.HTTPConnection(note.host, note.port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", "/api/runs", headers={"Authorization": f"Bearer {note.token}"})
        answer = connection.getresponse()
        found = json.loads(answer.read()) if answer.status == 200 else []
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
    return note if any(_is_same(directory, run["directory"]) for run in found) else None


def _is_same(one: Path, other: str) -> bool:
    try:
        return one.expanduser().samefile(other)
    except OSError:
        return False


def _serve(
    directories: list[Path], address: Address, token_file: Path | None, *, as_json: bool
) -> int:
    from pcm.access import bind, token_of
    from pcm.dashboard.server import Server, names_of
    from pcm.dashboard.shelf import Shelf

    shelf = Shelf()
    try:
        token = token_of(token_file)
        for directory in directories:
            shelf.add(directory)
        listener, address = bind(address)
    except BaseException:
        shelf.close()
        raise
    server = Server(shelf, listener, token, names_of(address))
    server.serve(announce=lambda: _announce(address, token, as_json))
    return exits.SUCCEEDED


def _announce(address: Address, token: str, as_json: bool) -> None:
    from pcm.cli.served import told

    if as_json:
        emit({"url": address.url(token)})
    else:
        typer.echo(told(address.url(token), address), err=True)
        typer.echo("Ctrl-C ends it; the runs are left alone", err=True)
    if not address.is_loopback:
        typer.echo(
            "warning: the token and all that is shown cross the network in the clear; ssh -L to"
            " 127.0.0.1 is better",
            err=True,
        )
