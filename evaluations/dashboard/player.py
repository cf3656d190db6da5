"""``python -m evaluations.dashboard.player SOURCE TARGET``: plays the second half of a run into a
new journal at the speed at which it was logged, as if a manager were at work, until stdin ends."""

from __future__ import annotations

import select
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from evaluations.dashboard.simulated_run import CHUNK, manifest
from pcm.journal import Item, Journal, JournalReader, LoggedEvent

TURN_SECONDS = 0.02


def play(source: Path, target: Path) -> None:
    with JournalReader(source) as reader:
        costs = reader.costs()
        events = reader.events()
        last = list(reader.events(kinds=["ManagerStopped"]))[-1]
        half = last.seq // 2
        with Journal.create(target, manifest("run-played", "played")) as journal:
            journal.add_items(Item(str(n), b"", float(cost)) for n, cost in enumerate(costs))
            journal.seal()
            before = list(islice(events, half))
            shift = time.time() - before[-1].at
            for start in range(0, half, CHUNK):
                some = before[start : start + CHUNK]
                journal.log([(one.at + shift, one.kind, one.body) for one in some])
                journal.commit()
            del before
            shift = time.time() - next(iter(events)).at
            print("playing", half, flush=True)
            _play_on(journal, events, shift, last.seq)


def _play_on(journal: Journal, events: Iterator[LoggedEvent], shift: float, last_seq: int) -> None:
    lines: list[tuple[float, str, bytes]] = []
    for entry in events:
        while entry.at + shift > (now := time.time()):
            if lines:
                journal.log(lines)
                journal.commit()
                lines = []
            if select.select([sys.stdin], [], [], min(TURN_SECONDS, entry.at + shift - now))[0]:
                return
        if entry.seq < last_seq:
            lines.append((time.time(), entry.kind, entry.body))
    journal.log(lines)
    journal.commit()
    sys.stdin.read()


if __name__ == "__main__":
    play(Path(sys.argv[1]), Path(sys.argv[2]))
