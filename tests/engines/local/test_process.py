from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from pcm.engines.local.process import WorkerProcess
from workers.host.processes import children


def test_a_process_that_cannot_be_watched_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_many_files(pid: int) -> int:
        assert pid in children(os.getpid())
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "pidfd_open", too_many_files)
    before = children(os.getpid()), os.listdir("/proc/self/fd")
    with pytest.raises(OSError, match="Too many open files"):
        WorkerProcess("w", scratch=tmp_path, logs=tmp_path, grace_seconds=0.0, environment={})
    assert (children(os.getpid()), os.listdir("/proc/self/fd")) == before
