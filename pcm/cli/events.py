"""``pcm events``: the event log of a run, in lines; live, after its end or after a crash."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pcm.cli import exits
from pcm.cli.verbs import verb

if TYPE_CHECKING:
    from pcm.journal import JournalReader, LoggedEvent
    from pcm.journal.selection import Selection

FOLLOW_SECONDS = 0.5


@verb
def command(
    *,
    directory: Annotated[Path, typer.Argument(help="The run's directory.")],
    kind: Annotated[
        list[str] | None,
        typer.Option(help="Only entries of this kind, such as Dispatch; may be repeated."),
    ] = None,
    worker: Annotated[str | None, typer.Option(help="Only what is about this worker.")] = None,
    batch: Annotated[int | None, typer.Option(help="Only what is about this batch.")] = None,
    item: Annotated[
        str | None, typer.Option(metavar="KEY", help="Only what is about the item with this key.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Only later ones: 10min, 2h, or 2026-01-31T12:30."),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the run has ended.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
) -> int:
    """What happened in a run and what was decided, in order (docs/event-log.md). Works at any time
    and disturbs nothing."""
    from pcm.cli.moments import moment
    from pcm.journal import JournalReader
    from pcm.journal.selection import Selection

    after = None if since is None else moment(since)
    with JournalReader(directory) as reader:
        selection = Selection(
            kinds=_known(kind) if kind else None,
            worker=worker,
            batch=batch,
            item=None if item is None else _item(reader, item),
            since=after,
        )
        show = _json_line if as_json else _line
        try:
            for entry in _selected(reader, selection, follow=follow):
                typer.echo(show(entry))
        except KeyboardInterrupt:
            pass
    return exits.SUCCEEDED


def _selected(
    reader: JournalReader,
    selection: Selection,
    *,
    follow: bool,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[LoggedEvent]:
    from pcm.journal import owner

    after = 0
    while True:
        going_on = follow and owner(reader.directory) is not None  # before its last words are read
        for entry in reader.events(after):
            after = entry.seq
            if selection.takes(entry):
                yield entry
        if not going_on:
            return
        sleep(FOLLOW_SECONDS)


def _line(entry: LoggedEvent) -> str:
    from pcm.journal.wording import told

    at = datetime.fromtimestamp(entry.at).isoformat(" ", "milliseconds")
    return f"{at} {entry.seq:>7} {entry.kind:<15} {told(entry)}"


def _json_line(entry: LoggedEvent) -> str:
    import msgspec

    line = {
        "seq": entry.seq,
        "at": entry.at,
        "kind": entry.kind,
        "body": msgspec.Raw(entry.body),
    }
    return msgspec.json.encode(line).decode()


def _known(kinds: list[str]) -> frozenset[str]:
    from pcm.errors import InputError
    from pcm.journal.kinds import KINDS

    names = {name.lower(): name for name in KINDS}
    for one in kinds:
        if one.lower() not in names:
            known = ", ".join(sorted(KINDS))
            raise InputError(
                f"there is no kind {one!r}", field="--kind", mend=f"give one of {known}"
            )
    return frozenset(names[one.lower()] for one in kinds)


def _item(reader: JournalReader, key: str) -> int:
    """Keys are texts or whole numbers."""
    from pcm.errors import InputError
    from pcm.packing import encode_key

    for form in (encode_key(key), key):
        item = reader.item_of(form)
        if item is not None:
            return item
    file = str(reader.directory)
    raise InputError(f"no item has the key {key!r}", field="--item", file=file, mend="check it")
