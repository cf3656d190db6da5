"""The page of a run while ``pcm`` works on it: whether and where, and how a person is told."""

from __future__ import annotations

import os
import shlex
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pcm.access import Address, DashboardNote
from pcm.errors import InputError

if TYPE_CHECKING:
    from pcm.manager.dashboard import Dashboard

Wish = bool | int | str | None
"""As in a run file; None: nothing was said."""

_WORDS = {"on": True, "off": False}


def wish(given: str | None) -> Wish:
    """Of what stands behind ``--dashboard``. Raises InputError."""
    if given is None or given in _WORDS:
        return None if given is None else _WORDS[given]
    try:
        Address.of(given, "--dashboard")
    except InputError as error:
        mend = "give on, off, a port or ADDRESS:PORT"
        raise InputError(error.problem, field="--dashboard", mend=mend) from None
    return given


@contextmanager
def served(wish: Wish, directory: Path) -> Iterator[Dashboard | None]:
    """Listening for the run in the directory; None if that is not wished.

    Where nothing was said it listens if it can: on the port of a manager who died here, since pages
    may still be looking for him, or else on any. Raises InputError if it was asked for and cannot.
    """
    if wish is False:
        yield None
        return
    from pcm.manager.dashboard import Dashboard

    dashboard = None
    try:
        if wish is None or wish is True:
            dashboard = Dashboard(Address(port=_port_before(directory)), or_any_port=True)
        else:
            dashboard = Dashboard(Address.of(wish))
    except InputError as error:
        if wish is not None:
            raise
        typer.echo(f"no dashboard: {error}", err=True)
    try:
        yield dashboard
    finally:
        if dashboard is not None:
            dashboard.close()


def where_it_is(dashboard: Dashboard, directory: Path, wish: Wish) -> str:
    """For the person at the terminal. What goes to a file does not get the token, and says nothing
    at all where nothing was asked for."""
    if sys.stderr.isatty():
        return told(dashboard.url, dashboard.address)
    where = shlex.quote(str(directory.absolute()))
    return f"dashboard: pcm dashboard {where} tells its address" if wish else ""


def told(url: str, address: Address) -> str:
    """The address, and how to get there from where the person is."""
    lines = [f"dashboard: {url}"]
    if address.is_loopback and os.environ.get("SSH_CONNECTION"):
        port, host = address.port, socket.gethostname()
        lines.append(f"  from your own machine first: ssh -N -L {port}:127.0.0.1:{port} {host}")
    return "\n".join(lines)


def _port_before(directory: Path) -> int:
    """0 if there was none."""
    try:
        note = DashboardNote.read(directory)
    except InputError:
        return 0
    return 0 if note is None or note.host != Address().host else note.port
