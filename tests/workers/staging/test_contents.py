from __future__ import annotations

import os
from pathlib import Path

from workers.staging.contents import names_below


def test_which_files_count(tmp_path: Path) -> None:
    for folder in ("sub", ".git", "__pycache__", "empty"):
        (tmp_path / folder).mkdir()
    for name in ("a", ".hidden", "sub/b", "sub/.c", ".git/d", "__pycache__/e"):
        (tmp_path / name).touch()
    (tmp_path / "round").symlink_to(".")
    (tmp_path / "link").symlink_to("sub/b")
    (tmp_path / "broken").symlink_to("never-fetched")
    os.mkfifo(tmp_path / "pipe")
    assert sorted(names_below(tmp_path)) == ["a", "broken", "link", "sub/b"]
    assert list(names_below(tmp_path / "nowhere")) == []
