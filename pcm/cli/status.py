"""``pcm status``: where a run stands, from its journal; also while it goes on or after a crash."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pcm.cli import exits
from pcm.cli.verbs import AsJson, emit, verb
from pcm.durations import counted, duration, rate

if TYPE_CHECKING:
    from pcm.journal import JournalReader

WATCH_SECONDS = 2.0
RECENT_ROWS = 1000
AT_WORK = ("running", "paused")
_TURNS = ("ManagerStarted", "RunPaused", "RunUnpaused")


@verb
def command(
    *,
    directory: Annotated[Path, typer.Argument(help="The run's directory.")],
    watch: Annotated[
        bool, typer.Option("--watch", help="Again every two seconds, until the run has ended.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Where a run stands. Works at any time and disturbs nothing."""
    from pcm.journal import JournalReader

    with JournalReader(directory) as reader:
        while True:
            state = standing(reader)
            if as_json:
                emit(state)
            else:
                typer.echo(_described(state))
            if not watch or state["state"] not in AT_WORK:
                return exits.SUCCEEDED
            try:
                time.sleep(WATCH_SECONDS)
            except KeyboardInterrupt:
                return exits.SUCCEEDED


def standing(reader: JournalReader) -> dict[str, Any]:
    """State, counts and speed of a run.

    ``state`` is that of the journal, but ``running``, ``paused``, ``interrupted`` or ``incomplete``
    (its items never were all there) for a run that is open. ``items_per_second``: over the last
    results of the manager that is at work on it; None if there is none, or too few results.
    """
    import msgspec

    from pcm.journal import owner

    status, counts, manifest = reader.status, reader.counts(), reader.manifest
    state: str = status.state
    holder = owner(reader.directory)
    if holder is not None:
        turn = reader.last_event(_TURNS)
        state = "paused" if turn is not None and turn.kind == "RunPaused" else "running"
    elif state == "open":
        state = "interrupted" if status.sealed else "incomplete"
    speed = None if holder is None else _recent_speed(reader, holder.since)
    return {
        "name": manifest.name,
        "directory": str(reader.directory.absolute()),
        "state": state,
        **msgspec.to_builtins(counts),
        "remaining": counts.remaining,
        "items_per_second": speed,
        "eta_seconds": counts.remaining / speed if speed and state == "running" else None,
        "error": status.error,
        "owner": None if holder is None else msgspec.to_builtins(holder),
    }


def _recent_speed(reader: JournalReader, since: float) -> float | None:
    """Items per second over the last results after a time; None where they are too few to tell."""
    times = [at for at in reader.last_times(RECENT_ROWS) if at >= since]
    span = times[-1] - times[0] if times else 0.0
    return (len(times) - 1) / span if span > 0 else None


def _described(state: dict[str, Any]) -> str:
    bad = state["failed"] + state["quarantined"]
    parts = [f"{state['finished']:,} of {counted(state['items'], 'item')} finished"]
    if bad:
        parts.append(f"{bad:,} failed")
    if state["items_per_second"]:
        parts.append(rate(state["items_per_second"]))
    if state["eta_seconds"]:
        parts.append(f"{duration(state['eta_seconds'])} left")
    lines = [f"{state['name']}: {state['state']}; " + ", ".join(parts)]
    if state["error"]:
        lines.append(state["error"])
    if state["state"] == "paused":
        lines.append(f"go on with: pcm unpause {shlex.quote(state['directory'])}")
    if state["owner"] and state["state"] in AT_WORK:
        lines.append(f"worked on by process {state['owner']['pid']} on {state['owner']['host']}")
    if state["state"] in ("interrupted", "failed", "cancelled"):
        lines.append(f"go on with: pcm resume {shlex.quote(state['directory'])}")
    if state["state"] == "incomplete":
        lines.append("not all of its items were taken in: start it again by the command it had")
    return "\n".join(lines)
