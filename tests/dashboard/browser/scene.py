"""A run that never was, as the views of ``pcm.dashboard.views`` tell of it at any moment.

Made from a seed: workers of three kinds that come and go, batches of two contexts, lost ones,
failed items, held glideins, findings. Moments are unix seconds from ``BEGAN``.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

from pcm.dashboard import views

BEGAN = 1_790_000_000.0
CONTEXTS = ("gemma-3-27b-it", "e5-large")
DIGESTS = ("ctx-5f0a9c31", "ctx-b8e2207d")
KINDS = (("NVIDIA A10", 24, 1.0), ("NVIDIA H100 80GB", 80, 3.1), ("Tesla T4", 16, 0.4))
TRACEBACK = """Traceback (most recent call last):
  File "claims.py", line 41, in verify
    verdict = parse(answer)
  File "claims.py", line 18, in parse
    raise ValueError(f"no verdict in {answer!r}")
ValueError: no verdict in 'I cannot say.'
"""

Span = tuple[float, float, views.Use, int, int]


class Stay:
    """A worker with its spans, in order and without gaps: start, stop, use, context, batch."""

    def __init__(self, chance: random.Random, number: int, seconds: float, batches: int) -> None:
        self.kind, self.memory_gb, self.speed = chance.choice(KINDS)
        self.worker = f"{self.kind.split()[-1].lower().replace('80gb', 'h100')}-{number:04d}"
        self.joined_at = chance.random() ** 2 * 0.4 * seconds
        self.left_at: float | None = None
        self.left = ""
        if chance.random() < 0.3:
            self.left_at = self.joined_at + chance.uniform(0.1, 0.9) * (seconds - self.joined_at)
            self.left = chance.choice(("evicted", "evicted", "lost", "retired: idle"))
        self.spans = list(self._spans(chance, number, self.left_at or seconds, batches))

    def _spans(
        self, chance: random.Random, number: int, end: float, batches: int
    ) -> Iterator[Span]:
        at, context, batch = self.joined_at, number % 5 == 0, number * 1000
        loading = min(end, at + chance.uniform(0.02, 0.05) * (end - at) + 4)
        yield at, loading, "loading", int(context), -1
        at = loading
        mean = max((end - at) / batches, 0.01)
        while at < end:
            if chance.random() < 0.06:
                use: views.Use = "idle" if chance.random() < 0.7 else "no_work"
                stop = min(end, at + mean * chance.random())
                yield at, stop, use, -1, -1
                at = stop
            if chance.random() < 0.015:
                context = not context
                stop = min(end, at + 2 * mean)
                yield at, stop, "loading", int(context), -1
                at = stop
            batch += 1
            stop = min(end, at + mean * chance.uniform(0.5, 1.5))
            lost = (stop == end and self.left in ("evicted", "lost")) or chance.random() < 0.01
            if at < stop:
                yield at, stop, "lost" if lost else "useful", int(context), batch
            at = stop


class Scene:
    """``state`` is the run's at its end; a running one has ``seconds`` behind it."""

    def __init__(
        self,
        *,
        name: str = "verify claims, March",
        run: str = "run-7c41",
        workers: int = 40,
        batches: int = 60,
        seconds: float = 4200.0,
        state: views.RunState = "running",
        troubled: bool = True,
        seed: int = 1,
    ) -> None:
        chance = random.Random(seed)
        self.name, self.run, self.state, self.seconds = name, run, state, seconds
        self.troubled = troubled
        self.items = workers * batches * 8
        self.paused = False
        self.stays = sorted(
            (Stay(chance, number, seconds, batches) for number in range(workers)),
            key=lambda stay: stay.joined_at,
        )
        self.failed_items = self._failed(chance) if troubled else []
        self.foreign = ""
        """What hostile scenes put in place of names, messages and tracebacks."""

    def _failed(self, chance: random.Random) -> list[views.ItemRow]:
        rows = []
        for number in range(23):
            worker = chance.choice(self.stays).worker
            quarantined = number % 8 == 5
            error = "WorkerDied" if quarantined else chance.choice(("ValueError", "KeyError"))
            message = "no verdict in 'I cannot say.'" if error == "ValueError" else "'evidence'"
            at = BEGAN + self.seconds * (0.1 + 0.8 * number / 23)
            attempts = [
                views.ItemAttempt(
                    attempt=1 + place,
                    worker=worker,
                    kind="NVIDIA A10",
                    batch=100 + number,
                    at=at - 60 * (2 - place),
                    seconds=1.4,
                    error=error,
                    message=message,
                    traceback="" if quarantined else TRACEBACK,
                )
                for place in range(2)
            ]
            rows.append(
                views.ItemRow(
                    item=number * 97,
                    key=f"claim-{number * 97:05d}",
                    verdict="quarantined" if quarantined else "failed",
                    at=at,
                    worker=worker,
                    error=error,
                    message="its worker died three times" if quarantined else message,
                    traceback="" if quarantined else TRACEBACK,
                    history=[f"attempt {n} on {worker}: worker lost" for n in (1, 2, 3)]
                    if quarantined
                    else [],
                    attempts=attempts,
                )
            )
        return rows

    @property
    def end(self) -> float:
        return BEGAN + self.seconds

    def share(self, at: float) -> float:
        whole = 1.0 if self.state == "completed" else 0.64
        return whole * math.pow(max(0.0, min(1.0, (at - BEGAN) / self.seconds)), 1.2)

    def head(self, at: float) -> views.RunHead:
        state = self.state if at >= self.end or self.state == "running" else "running"
        return views.RunHead(
            run=self.run,
            name=self.foreign or self.name,
            task="claims.verify",
            directory=f"/scratch/runs/{self.run}",
            state="paused" if self.paused else state,
            began_at=BEGAN,
            last_at=min(at, self.end),
            items=self.items,
            finished=round(self.items * self.share(at)),
            failed=len(self.failed_until(at)),
            can_act=self.state == "running",
        )

    def failed_until(self, at: float) -> list[views.ItemRow]:
        return [row for row in self.failed_items if row.at <= at]

    def here(self, at: float) -> list[Stay]:
        then = at - BEGAN
        return [
            s for s in self.stays if s.joined_at <= then and (s.left_at is None or s.left_at > then)
        ]
