"""Run directories whose options name glideins, made without a pool."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pcm.cli.supply import Supply
from pcm.journal import CARGO_FILE, Journal
from pcm.manager.opening import manifest_of
from pcm.manager.outposts import recorded
from tests.manager.workloads import digest, salt


def begun(directory: Path, supply: Supply) -> None:
    """A run without items that nobody works on."""
    options: dict[str, Any] = {"engine": "taskvine", "engine_options": {}}
    if supply.glideins:
        options |= recorded(supply.glideins, supply.home_of(directory), supply.host)
    manifest = manifest_of(digest, salt(), name="run", key=None, outputs=[], options=options)
    journal = Journal.create(directory, manifest)
    (directory / CARGO_FILE).touch()
    journal.seal()
    journal.close()
