"""Glideins that a person has submitted for a run, taken off the queue when it ends."""

from __future__ import annotations

import shlex
import socket
from pathlib import Path

from pcm.cli.glidein.jobs import REMOVED, schedd
from pcm.cli.glidein.naming import BY_HAND, Place, name_by_hand, places_by_hand
from pcm.durations import counted
from pcm.errors import EngineError

REASON = "the run has ended"


def recall(directory: Path) -> list[str]:
    """Gives lines for people: how many have gone, or where a person has to see to it."""
    from condor.materials import clear

    noted = places_by_hand(directory)
    # Without notes: by `pcm glidein show` and condor_submit, if at all, and most likely here.
    places = noted or [Place(socket.gethostname())]
    name, removed, unknown = name_by_hand(directory), 0, False
    lines: list[str] = []
    for place in places:
        try:
            removed += _remove(place, name)
        except EngineError as error:
            unknown = True
            command = f"pcm glidein remove {shlex.quote(str(directory.absolute()))}"
            lines.append(
                f"glideins submitted by hand on {place.host} may be left ({error}): {command} there"
            )
    if not unknown:
        clear(directory / BY_HAND)
    if removed:
        lines.append(f"{counted(removed, 'glidein')} submitted by hand taken off the queue")
    return lines if noted or not unknown else []


def _remove(place: Place, name: str) -> int:
    """How many were there. Raises EngineError."""
    if not place.schedd and place.host != socket.gethostname():
        raise EngineError("its schedd cannot be asked from here")
    with schedd(place.collector, place.schedd) as client:
        live = [job.job for job in client.jobs(name) if job.status != REMOVED]
        client.remove(live, REASON)
    return len(live)
