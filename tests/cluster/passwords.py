"""What workers of the tests must know to join."""

from __future__ import annotations

from pathlib import Path


def password_file(folder: Path) -> Path:
    """A new file in the folder, for its owner alone."""
    path = folder / "password"
    path.touch(mode=0o600)
    path.write_text("open sesame")
    return path
