"""What several tests of the cluster parts are given."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def password(tmp_path: Path) -> Path:
    """A file with what workers must know to join."""
    path = tmp_path / "password"
    path.touch(mode=0o600)
    path.write_text("open sesame")
    return path
