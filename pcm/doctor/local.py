"""Whether the local engine works: one worker is started, runs one small batch and is stopped."""

from __future__ import annotations

from pcm.doctor.base import Section
from pcm.doctor.trying import trial

LOCAL_ENGINE = "local engine"
LIMIT_SECONDS = 90.0


def local_engine(limit_seconds: float = LIMIT_SECONDS) -> Section:
    """The trial of ``pcm.doctor.trial``, in a process of its own."""
    return Section(LOCAL_ENGINE, [trial("local", "one worker", limit_seconds)])
