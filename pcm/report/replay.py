"""A run as the simulator would have predicted it, with the same workers, loads and items."""

from __future__ import annotations

import msgspec

from pcm.core import commands, events
from pcm.core.scheduler import Scheduler
from pcm.engines.simulated import Stranded, simulate
from pcm.engines.simulated.replay import ItemTiming, Replay, reconstruct
from pcm.errors import InputError, RunError
from pcm.journal import JournalReader, LoggedEvent

MANAGER_STARTED = "ManagerStarted"

_READ: dict[str, msgspec.json.Decoder[events.Event | commands.Command]] = {
    kind.__name__: msgspec.json.Decoder(kind)
    for kind in (
        events.WorkerJoined,
        events.WorkerNotice,
        events.WorkerLeft,
        events.ReplicaChanged,
        events.BatchDone,
        events.RunOpened,
        commands.Load,
        commands.Dispatch,
        commands.Finish,
    )
}


class Prediction(msgspec.Struct, frozen=True):
    """Seconds from the run's opening until all its items had results: as it was, and as the
    simulation of it says. ``error``: predicted over measured, less 1."""

    measured_seconds: float
    predicted_seconds: float
    error: float

    def __str__(self) -> str:
        return (
            f"replayed in the simulator: {self.predicted_seconds:.1f} s predicted, "
            f"{self.measured_seconds:.1f} s measured ({self.error:+.1%})"
        )


def replay(reader: JournalReader) -> Replay:
    """The last sitting of a run in which work was done and brought to its end.

    Raises InputError if there is none.
    """
    sitting: list[LoggedEvent] = []
    found: list[LoggedEvent] = []
    for entry in reader.events(kinds=[MANAGER_STARTED, *_READ]):
        if entry.kind == MANAGER_STARTED:
            sitting = []
        sitting.append(entry)
        if entry.kind == "Finish" and any(e.kind == "Dispatch" for e in sitting):
            finish = _READ[entry.kind].decode(entry.body)
            if isinstance(finish, commands.Finish) and finish.outcome == "completed":
                found = sitting
    if not found:
        raise InputError(
            "has no sitting in which work was done to its end, so there is nothing to replay",
            file=str(reader.directory),
            mend="let the run finish first",
        )
    began, ended = found[0].at, found[-1].at
    timings = [
        ItemTiming(item, worker, batch, seconds)
        for item, worker, batch, seconds, at in reader.timings()
        if began <= at <= ended
    ]
    log = [
        (entry.at, _READ[entry.kind].decode(entry.body)) for entry in found if entry.kind in _READ
    ]
    try:
        return reconstruct(log, reader.costs(), timings)
    except ValueError as error:
        raise InputError(str(error), file=str(reader.directory)) from error


def predict(reader: JournalReader) -> Prediction:
    """Simulate ``replay(reader)`` with pcm's scheduler. Raises InputError as that does, RunError if
    the simulation does not come to an end."""
    found = replay(reader)
    measured = found.makespan_seconds
    try:
        outcome = simulate(found.scenario, Scheduler(), limit_seconds=100.0 * measured + 1000.0)
    except Stranded as error:
        raise RunError(f"the simulation of this run comes to no end: {error}") from error
    predicted = outcome.makespan_seconds
    return Prediction(measured, predicted, predicted / measured - 1.0 if measured else 0.0)
