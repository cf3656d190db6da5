"""What a glidein must know to join: where its manager listens, and how it shows who it is."""

from __future__ import annotations

from pathlib import Path

import msgspec

from workers.carriage import python_version


class Invitation(msgspec.Struct, frozen=True):
    """``address`` is ``HOST:PORT`` as seen from the nodes. A manager that comes again with the same
    address and password finds the glideins that its predecessor invited."""

    address: str
    password_file: Path
    ssl: bool = False
    patience_seconds: float = 600.0
    """How long a glidein that finds no manager waits for one before it ends."""
    python: str = python_version()
    """The minor version that a worker's Python must have."""
