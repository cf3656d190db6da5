"""``python -m evaluations.dashboard.viewers PORT TOKEN RUN JOURNAL COUNT SECONDS``: pages without a
screen. Each takes the stream and asks for what the visible tab shows once a second; together they
print how long events took to reach them, as JSON."""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

from pcm.journal import JournalReader

LANES = 50
COLUMNS = 1000


class Viewer:
    """``arrivals``: the seq of each state that came, and when."""

    def __init__(self, port: int, token: str, run: str, seconds: float) -> None:
        self._port, self._run = port, run
        self._headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "gzip"}
        self._until = time.time() + seconds
        self.arrivals: list[tuple[int, float]] = []
        self.answer_seconds: list[float] = []
        self.threads = [threading.Thread(target=work) for work in (self._hear, self._ask)]

    def _hear(self) -> None:
        line = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        line.request("GET", f"/api/stream?run={self._run}", headers=self._headers)
        answer = line.getresponse()
        while time.time() < self._until:
            text = answer.readline()
            if text.startswith(b"id: "):
                seq = int(text[4:])
            elif text.startswith(b"data: ") and b'"crew"' in text:
                self.arrivals.append((seq, time.time()))
        line.close()

    def _ask(self) -> None:
        line = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        window = f"timeline?columns={COLUMNS}&lanes={LANES}"
        while time.time() < self._until:
            begun = time.perf_counter()
            line.request("GET", f"/api/runs/{self._run}/{window}", headers=self._headers)
            line.getresponse().read()
            spent = time.perf_counter() - begun
            self.answer_seconds.append(spent)
            time.sleep(max(0.0, 1.0 - spent))
        line.close()


def look(
    port: int, token: str, run: str, journal: Path, count: int, seconds: float
) -> dict[str, Any]:
    viewers = [Viewer(port, token, run, seconds) for _ in range(count)]
    threads = [thread for viewer in viewers for thread in viewer.threads]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    first = min(viewer.arrivals[0][0] for viewer in viewers)
    with JournalReader(journal) as reader:
        logged = [(entry.seq, entry.at) for entry in reader.events(after=first)]
    delays = [delay for viewer in viewers for delay in delays_of(viewer.arrivals, logged)]
    answers = [spent for viewer in viewers for spent in viewer.answer_seconds]
    return {"delays": delays, "answers": answers}


def delays_of(arrivals: list[tuple[int, float]], logged: list[tuple[int, float]]) -> list[float]:
    """Of each entry until the first state that it is in, or a later one."""
    found, later = [], iter(arrivals[1:])
    state = next(later, None)
    for seq, at in logged:
        while state is not None and state[0] < seq:
            state = next(later, None)
        if state is None:
            break
        if seq > arrivals[0][0]:
            found.append(state[1] - at)
    return found


if __name__ == "__main__":
    port, token, run, journal, count, seconds = sys.argv[1:]
    print(json.dumps(look(int(port), token, run, Path(journal), int(count), float(seconds))))
