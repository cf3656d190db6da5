"""What carries a run, and with what options: as told now, or as the run was begun."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pcm.errors import InputError

if TYPE_CHECKING:
    from pcm.manager.manager import TelemetryMode

DEFAULT_ENGINE = "local"


class Choice(NamedTuple):
    """The name of an engine and its options but for the number of workers; whether telemetry is
    heeded (see ``pcm.Manager``)."""

    engine: str
    engine_options: dict[str, Any]
    telemetry: TelemetryMode = "advisory"


def given_options(listen: int | None, password_file: Path | None, ssl: bool) -> dict[str, Any]:
    """Those that were given on the command line."""
    options: dict[str, Any] = {}
    if listen is not None:
        options["listen"] = listen
    if password_file is not None:
        options["password_file"] = str(password_file.expanduser().absolute())
    if ssl:
        options["ssl"] = True
    return options


def chosen(
    engine: str | None,
    options: dict[str, Any],
    before: str | None = None,
    options_before: Mapping[str, Any] | None = None,
) -> Choice:
    """What is given now goes before what was said ``before``, whose options go with its engine.

    Raises InputError for options that go with another engine.
    """
    name = engine or before or DEFAULT_ENGINE
    if options and name == DEFAULT_ENGINE:
        first = "--" + next(iter(options)).replace("_", "-")
        raise InputError("goes with the taskvine engine", field=first, mend="add --engine taskvine")
    same = name == (before or DEFAULT_ENGINE)
    return Choice(name, {**(options_before or {} if same else {}), **options})


def as_begun(directory: Path) -> Choice:
    """What the run in the directory was begun with. Raises InputError if it holds no run."""
    from pcm.journal import JournalReader

    with JournalReader(directory) as reader:
        options = reader.manifest.options
    return Choice(
        options.get("engine", DEFAULT_ENGINE),
        options.get("engine_options", {}),
        options.get("telemetry", "advisory"),
    )
