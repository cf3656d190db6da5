"""The trial of an engine, in a process of its own, as a finding."""

from __future__ import annotations

import json

from pcm.doctor.base import Check
from pcm.doctor.commands import python


def trial(engine: str, worker: str, limit_seconds: float) -> Check:
    """Run ``pcm.doctor.trial`` with the engine; ``worker`` says what kind it has."""
    command = ("-m", "pcm.doctor.trial", engine)
    shown = f"python {' '.join(command)} shows"
    answer = python(*command, timeout_seconds=limit_seconds)
    if answer.code == 0:
        seconds = json.loads(answer.stdout.strip().splitlines()[-1])["seconds"]
        return Check("trial run", "ok", f"{worker}, one batch, {seconds:.1f} s")
    if answer.code is None:
        problem = f"not done after {limit_seconds:g} s: {answer.last_line}"
        return Check("trial run", "broken", problem, f"{shown} how far it comes")
    return Check("trial run", "broken", answer.last_line, f"{shown} all")
