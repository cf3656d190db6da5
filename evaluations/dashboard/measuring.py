"""All measurements, and what is expected of them."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from evaluations.base import Target, at_least, at_most
from evaluations.dashboard import browser, simulated_run
from evaluations.dashboard.overhead import METRICS, overhead
from evaluations.dashboard.plan import Plan
from evaluations.dashboard.serving import ROOT, Served
from evaluations.dashboard.viewers import delays_of
from pcm.journal import JournalReader

RUN = simulated_run.RUN
PLAYED = "run-played"
QUESTIONS = (
    "overview", "curves", "workers?limit=100", "timeline?columns=1000&lanes=50", "contexts",
    "events?limit=100", "findings", "items",
)  # fmt: skip


def measure(plan: Plan, say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    with tempfile.TemporaryDirectory(prefix="pcm-dashboard-") as place:
        folder = Path(place)
        source = folder / "simulated"
        say(f"simulating {plan.workers:,} workers and {plan.batches:,} batches")
        begun = time.perf_counter()
        entries = simulated_run.make(
            source, plan.workers, plan.batches, plan.items_per_batch, plan.batch_seconds
        )
        say(f"{entries:,} entries in {time.perf_counter() - begun:.0f} s")
        finished = _finished(source, folder, entries, say)
        live = _live(plan, source, folder, say)
    costs = overhead(plan, say)
    weight = _weight()
    figures: dict[str, Any] = {
        "workers": plan.workers,
        "batches": plan.batches,
        "log_entries": entries,
        "finished_run": finished,
        "live_run": live,
        "static_files": weight,
        "overhead": costs,
    }
    return figures, _targets(plan, finished, live, weight, costs)


def _finished(
    source: Path, folder: Path, entries: int, say: Callable[[str], None]
) -> dict[str, Any]:
    """Reading the log, and what answers about any moment of it take."""
    say("reading the log, and asking about it")
    begun = time.perf_counter()
    with Served([source], folder / "token") as served:
        served.await_seq(RUN, entries)
        read_seconds = time.perf_counter() - begun
        head = served.ask("/api/runs")[0]
        span = head["last_at"] - head["began_at"]
        moments = [head["began_at"] + span * part for part in (0.1, 0.35, 0.6, 0.85, 1.0)]
        answers = {}
        for question in QUESTIONS:
            name = question.partition("?")[0]
            spent = []
            joint = "&" if "?" in question else "?"
            for at in moments:
                begun = time.perf_counter()
                served.raw(f"/api/runs/{RUN}/{question}{joint}at={at}")
                spent.append(time.perf_counter() - begun)
            answers[name] = {"median": float(np.median(spent)), "max": max(spent)}
        return {
            "read_seconds": read_seconds,
            "entries_per_second": entries / read_seconds,
            "memory_bytes": served.memory_bytes(),
            "answer_seconds": answers,
        }


def _live(plan: Plan, source: Path, folder: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """While entries come in at the speed at which they were logged."""
    target = folder / "played"
    figures: dict[str, Any] = {"by_viewers": {}}
    with _playing(source, target) as entries, Served([target], folder / "token") as served:
        served.await_seq(PLAYED, entries)
        for count in plan.viewers:
            say(f"{count} viewers")
            figures["by_viewers"][str(count)] = _with_viewers(plan, served, target, count)
        problem = browser.missing()
        if problem:
            figures["browser"] = {"missing": problem}
        else:
            say("a browser")
            seen = browser.look(served, PLAYED, plan.look_seconds, plan.frame_seconds)
            states = seen.pop("seen")
            delays = delays_of(states, _logged(target, states[0][0]))
            seen["event_to_screen_seconds"] = _percentiles(delays)
            figures["browser"] = seen
    return figures


def _with_viewers(plan: Plan, served: Served, target: Path, count: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    before, begun, seq = served.cpu_seconds(), time.perf_counter(), _seq(served)
    if count:
        words = [served.port, served.token, PLAYED, target, count, plan.look_seconds]
        done = subprocess.run(
            [sys.executable, "-m", "evaluations.dashboard.viewers", *map(str, words)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            check=True,
        )
        told = json.loads(done.stdout)
        found["event_to_viewer_seconds"] = _percentiles(told["delays"])
        found["timeline_answer_seconds"] = _percentiles(told["answers"])
    else:
        time.sleep(plan.look_seconds)
    seconds = time.perf_counter() - begun
    return {
        "cores": (served.cpu_seconds() - before) / seconds,
        "memory_bytes": served.memory_bytes(),
        "entries_per_second": (_seq(served) - seq) / seconds,
        **found,
    }


@contextmanager
def _playing(source: Path, target: Path) -> Iterator[int]:
    """Gives how many entries are there already."""
    player = subprocess.Popen(
        [sys.executable, "-m", "evaluations.dashboard.player", str(source), str(target)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert player.stdin is not None
    assert player.stdout is not None
    try:
        words = player.stdout.readline().split()
        if words[:1] != ["playing"]:
            raise RuntimeError("the run cannot be played")
        yield int(words[1])
    finally:
        player.stdin.close()
        player.wait(60)
        player.stdout.close()


def _logged(journal: Path, after: int) -> list[tuple[int, float]]:
    with JournalReader(journal) as reader:
        return [(entry.seq, entry.at) for entry in reader.events(after=after)]


def _seq(served: Served) -> int:
    return int(served.ask(f"/api/runs/{PLAYED}/overview")["seq"])


def _weight() -> dict[str, Any]:
    """Of all files of the page, as they go over the line."""
    files = [
        path
        for path in Path(str(resources.files("pcm.dashboard") / "static")).rglob("*")
        if path.is_file()
    ]
    contents = [path.read_bytes() for path in files]
    return {
        "files": len(files),
        "bytes": sum(map(len, contents)),
        "gzipped_bytes": sum(len(gzip.compress(content, 3)) for content in contents),
    }


def _percentiles(values: list[float]) -> dict[str, float]:
    if not values:
        raise RuntimeError("nothing was seen")
    return {f"p{q}": float(np.percentile(values, q)) for q in (50, 95, 100)}


def _targets(
    plan: Plan,
    finished: dict[str, Any],
    live: dict[str, Any],
    weight: dict[str, Any],
    costs: dict[str, Any],
) -> list[Target]:
    cores = {int(count): one["cores"] for count, one in live["by_viewers"].items()}
    least, most = min(cores), max(cores)
    delay = live["by_viewers"][str(most)]["event_to_viewer_seconds"]["p95"]
    per_viewer = (cores[most] - cores[least]) / (most - least)
    targets = [
        at_most("CPU of the dashboard per viewer [cores]", per_viewer, 0.05),
        at_most(f"event to {most} viewers, p95 [s]", delay, 1.0),
        at_most("page, gzipped, all its files [kB]", weight["gzipped_bytes"] / 1e3, 300.0),
        at_most("log and metrics, of a run's time", costs["added_share_of_a_batch"][METRICS], 0.01),
    ]
    seen = live["browser"]
    if "missing" in seen:
        why = f"not measured: {seen['missing']}"
        return [
            *targets,
            Target("event to screen, p95 [s]", None, why, False),
            Target("frames per second of the timeline", None, why, False),
        ]
    return [
        *targets,
        at_most("event to screen, p95 [s]", seen["event_to_screen_seconds"]["p95"], 1.0),
        at_least("frames per second of the timeline", seen["frames_per_second"] or 0.0, 30.0),
    ]
