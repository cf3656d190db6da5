"""What several tests of the cluster parts are given."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from condor.personal_pool import CondorPool, ordinary_user
from tests.cluster.passwords import password_file
from tests.cluster.projects import ClusterProject


@pytest.fixture
def password(tmp_path: Path) -> Path:
    """A file with what workers must know to join."""
    return password_file(tmp_path)


@pytest.fixture(scope="module")
def pool() -> Iterator[CondorPool]:
    """An HTCondor pool with three models of simulated GPUs."""
    with CondorPool() as pool:
        yield pool


@pytest.fixture
def directory(pool: CondorPool) -> Iterator[Path]:
    """Of the user who submits, whom the test is meanwhile; nothing is in the queue after it."""
    with ordinary_user() as directory:
        yield directory
        pool.clear_queue()


@pytest.fixture
def project(directory: Path) -> Iterator[ClusterProject]:
    """Of the same user."""
    with closing(ClusterProject(directory)) as project:
        yield project
