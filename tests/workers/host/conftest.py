from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workers.host.driver import Worker


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file cache of the worker; it is not there yet."""
    monkeypatch.setenv("PCM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def worker(tmp_path: Path, cache: Path) -> Iterator[Worker]:
    with Worker(tmp_path) as started:
        yield started


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory from which workers import; ask for it before the worker."""
    directory = tmp_path / "modules"
    directory.mkdir()
    monkeypatch.syspath_prepend(directory)
    return directory
