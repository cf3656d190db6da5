"""``pcm pause``, ``unpause``, ``cancel``, ``drain``, ``retry``: what a manager at work is asked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pcm.cli import exits
from pcm.cli.verbs import AsJson, emit, verb

if TYPE_CHECKING:
    from pcm.journal.entries import ActionKind

Directory = Annotated[Path, typer.Argument(help="The run's directory.")]


@verb
def pause(*, directory: Directory, as_json: AsJson = False) -> int:
    """Send nothing more of a run to workers; what they have they end."""
    return _ask(directory, "pause", as_json=as_json)


@verb
def unpause(*, directory: Directory, as_json: AsJson = False) -> int:
    """Go on with a run that is paused."""
    return _ask(directory, "unpause", as_json=as_json)


@verb
def cancel(*, directory: Directory, as_json: AsJson = False) -> int:
    """Stop a run; what is done is kept, and it can be resumed."""
    return _ask(directory, "cancel", as_json=as_json)


@verb
def retry(*, directory: Directory, as_json: AsJson = False) -> int:
    """Try items of a run again that have failed, while it goes on."""
    return _ask(directory, "retry_failed", as_json=as_json)


@verb
def drain(
    *,
    directory: Directory,
    worker: Annotated[str, typer.Argument(help="Its name, as in `pcm events`.")],
    as_json: AsJson = False,
) -> int:
    """Have a worker end what it has, and go."""
    return _ask(directory, "drain", worker, as_json=as_json)


def _ask(directory: Path, action: ActionKind, worker: str = "", *, as_json: bool) -> int:
    from pcm.control.client import act

    answer = act(directory, action, worker)
    code = exits.SUCCEEDED if answer.done else exits.BAD_INPUT
    if as_json:
        emit({"done": answer.done, "text": answer.text, "exit_code": code})
    else:
        typer.echo(answer.text, err=not answer.done)
    return code
