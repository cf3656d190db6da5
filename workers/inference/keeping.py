"""What is found out once is kept for the next replica, below this user's folder for caches."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path


def kept_place(*parts: str) -> Path:
    """Of a file that is ours."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home, "pcm", *parts)


def keep(path: Path, content: bytes) -> None:
    """Complete or not at all, whoever else writes it; for this user alone. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise
