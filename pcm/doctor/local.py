"""Whether the local engine works: one worker is started, runs one small batch and is stopped."""

from __future__ import annotations

import json

from pcm.doctor.base import Check, Section
from pcm.doctor.commands import python

LOCAL_ENGINE = "local engine"
LIMIT_SECONDS = 90.0


def local_engine(limit_seconds: float = LIMIT_SECONDS) -> Section:
    """The trial of ``pcm.doctor.trial``, in a process of its own."""
    answer = python("-m", "pcm.doctor.trial", timeout_seconds=limit_seconds)
    if answer.code == 0:
        seconds = json.loads(answer.stdout.strip().splitlines()[-1])["seconds"]
        check = Check("trial run", "ok", f"one worker, one batch, {seconds:.1f} s")
    elif answer.code is None:
        check = Check(
            "trial run",
            "broken",
            f"not done after {limit_seconds:g} s: {answer.last_line}",
            "python -m pcm.doctor.trial shows how far it comes",
        )
    else:
        check = Check(
            "trial run", "broken", answer.last_line, "python -m pcm.doctor.trial shows all"
        )
    return Section(LOCAL_ENGINE, [check])
