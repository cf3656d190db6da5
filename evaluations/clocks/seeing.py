"""Two processes that see the same events: how far the line through the matched ones is off."""

from __future__ import annotations

import json
import random
import socket
import subprocess
import sys
from typing import Any

from evaluations.clocks.plan import END, Plan
from evaluations.clocks.skewed import Skewed
from pcm.telemetry.matching import match

SEED = 7
PATIENCE_SECONDS = 30.0


def see(plan: Plan) -> dict[str, Any]:
    """Milliseconds that it is off where that is worst within the time of the events."""
    manager = Skewed(plan.offset_seconds, plan.drift)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
        here.bind(("127.0.0.1", 0))
        here.settimeout(PATIENCE_SECONDS)
        numbers = (plan.events_seconds, plan.events_per_second, plan.lost_share)
        arguments = [str(here.getsockname()[1]), str(SEED), *map(str, numbers)]
        other = subprocess.Popen(
            [sys.executable, "-m", "evaluations.clocks.events", *arguments],
            stdout=subprocess.PIPE,
        )
        with other:
            try:
                ours = []
                while here.recv(16) != END:
                    ours.append(manager())
                theirs = json.loads(other.communicate()[0])
            finally:
                other.kill()
    seen = len(ours)
    chance = random.Random(SEED)
    ours = [stamp + chance.gauss(0.0, plan.jitter_seconds) for stamp in ours]
    begin, end = min(ours), max(ours)
    ours += [chance.uniform(begin, end) for _ in range(round(plan.lost_share * seen))]
    matched = match(theirs, ours)
    if matched is None:
        return {"events": len(theirs), "seen": seen, "off_milliseconds": None}
    off = max(abs(matched.to_ours(at) - manager.shows(at)) for at in (theirs[0], theirs[-1]))
    return {
        "events": len(theirs),
        "seen": seen,
        "matched": matched.pairs,
        "off_milliseconds": 1e3 * off,
        "stated_milliseconds": 1e3 * matched.error_seconds,
        "residual_milliseconds": 1e3 * matched.residual_seconds,
        "drift_off_ppm": 1e6 * abs(-matched.drift - plan.drift),
    }
