"""What runs look like to Prometheus, at ``/metrics``.

Names and units by its conventions. Labels are runs, tasks, classes, contexts and kinds of workers,
never workers, batches or items; of kinds and contexts there are so many at most, the rest is
``other``. docs/dashboard.md lists what there is; docs/grafana/pcm.json shows it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import get_args

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from pcm.dashboard.feed import Feed
from pcm.dashboard.hub import Hub
from pcm.dashboard.shelf import Shelf
from pcm.dashboard.views import RunState, Use, WorkerState

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

MOST_KINDS = 30
MOST_CONTEXTS = 50
OTHER = "other"

BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0)
"""Upper bounds of batch seconds; batches are sized to some seconds."""


class Metrics:
    """Of all runs on a shelf, and of the process that tells of them."""

    def __init__(self, shelf: Shelf, hub: Hub) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Runs(shelf, hub))
        ProcessCollector(namespace="pcm_dashboard", registry=self._registry)

    def text(self) -> bytes:
        return generate_latest(self._registry)


class _Runs(Collector):
    """Answers with all families each time it is asked."""

    def __init__(self, shelf: Shelf, hub: Hub) -> None:
        self._shelf = shelf
        self._hub = hub

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        families = _Families()
        for feed in self._shelf.feeds.values():
            _tell_run(families, feed)
        viewers = GaugeMetricFamily("pcm_dashboard_viewers", "Pages that are open.")
        viewers.add_metric([], self._hub.viewer_count)
        yield viewers
        yield from families.all()


class _Families:
    """One of each."""

    def __init__(self) -> None:
        def counter(name: str, text: str, *labels: str) -> CounterMetricFamily:
            return CounterMetricFamily(name, text, labels=("run", *labels))

        def gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
            return GaugeMetricFamily(name, text, labels=("run", *labels))

        self.info = InfoMetricFamily("pcm_run", "A run.", labels=("run",))
        self.state = gauge("pcm_run_state", "1 for the state that the run is in.", "state")
        self.began = gauge("pcm_run_began_timestamp_seconds", "When the run began.")
        self.worked = counter("pcm_run_seconds", "In which a manager worked on the run.")
        self.items = gauge("pcm_items", "Items of the run.", "task")
        self.finished = counter(
            "pcm_items_finished", "Items with a final row, good or bad.", "task"
        )
        self.failed = counter("pcm_items_failed", "Items that were given up.", "task")
        self.in_flight = gauge("pcm_items_in_flight", "Items that workers have.", "task")
        self.waiting = gauge("pcm_items_waiting", "Items that nobody works on.", "task")
        self.retries = counter("pcm_item_retries", "Attempts after a task had raised.", "task")
        self.rate = gauge("pcm_items_per_second", "Over the last minute or so.", "task")
        self.eta = gauge(
            "pcm_eta_seconds", "Until the run is done; nine of ten ends are between.", "bound"
        )
        self.efficiency = gauge(
            "pcm_efficiency_ratio", "The clairvoyant bound over the time taken."
        )
        self.workers = gauge("pcm_workers", "Workers that are there.", "kind", "state")
        self.evictions = counter("pcm_evictions", "Workers that were taken or lost.")
        self.seconds = counter("pcm_worker_seconds", "What workers' time went into.", "use")
        self.loads = counter("pcm_context_loads", "Contexts brought up.", "context", "outcome")
        self.reloads = counter("pcm_context_reloads", "Loads where it had been before.", "context")
        self.moved = counter(
            "pcm_context_bytes", "Of its files, brought to workers.", "context", "source"
        )
        self.batches = counter("pcm_batches", "Batches that were sent.")
        self.lost = counter("pcm_batches_lost", "Batches whose items had to be computed again.")
        self.batch_seconds = HistogramMetricFamily(
            "pcm_batch_seconds", "Time in the task of batches that came to their end.",
            labels=("run", "kind"),
        )  # fmt: skip
        self.glideins = gauge("pcm_glideins", "Glideins by class.", "class", "state")
        self.findings = gauge("pcm_findings", "Conditions that workers are in now.", "condition")
        self.troubles = gauge("pcm_troubles", "What a person should know of.", "grade")
        self.actions = counter("pcm_actions", "What persons asked for.", "action")
        self.entries = counter("pcm_log_entries", "Entries of the event log.")

    def all(self) -> list[Metric]:
        return list(vars(self).values())


def _tell_run(families: _Families, feed: Feed) -> None:
    run, at, chronicle = feed.run, feed.moment(None), feed.chronicle
    overview = feed.overview()
    head = overview.head
    families.info.add_metric([run], {"name": head.name, "task": head.task})
    for state in get_args(RunState):
        families.state.add_metric([run, state], float(state == head.state))
    families.began.add_metric([run], head.began_at)
    families.worked.add_metric([run], overview.seconds)
    own = [run, head.task]
    families.items.add_metric(own, head.items)
    families.finished.add_metric(own, head.finished)
    families.failed.add_metric(own, head.failed)
    families.in_flight.add_metric(own, overview.in_flight)
    families.waiting.add_metric(own, overview.waiting)
    families.retries.add_metric(own, overview.retries)
    families.rate.add_metric(own, overview.items_per_second)
    if overview.eta is not None:
        families.eta.add_metric([run, "expected"], overview.eta.seconds)
        families.eta.add_metric([run, "soonest"], overview.eta.soonest_seconds)
        families.eta.add_metric([run, "latest"], overview.eta.latest_seconds)
    if overview.efficiency is not None:
        families.efficiency.add_metric([run], overview.efficiency)
    families.evictions.add_metric([run], overview.evictions)
    families.lost.add_metric([run], overview.lost_batches)
    for use in get_args(Use):
        families.seconds.add_metric([run, use], getattr(overview.split, f"{use}_seconds"))
    for grade, count in Counter(one.grade for one in overview.troubles).items():
        families.troubles.add_metric([run, grade], count)
    findings = (one for one in chronicle.findings(at) if one.until_seconds is None)
    for condition, count in Counter(one.condition for one in findings).items():
        families.findings.add_metric([run, condition], count)
    taken = Counter(action.action for _, action in chronicle.actions(at))
    for action, count in taken.items():
        families.actions.add_metric([run, action], count)
    for row in chronicle.glideins(at):
        for state in ("wanted", "asked", "queued", "running", "joined", "held"):
            families.glideins.add_metric([run, row.name, state], getattr(row, state))
    families.entries.add_metric([run], chronicle.last_seq)
    _tell_workers(families, feed, at)
    _tell_loads(families, feed, at)


def _tell_workers(families: _Families, feed: Feed, at: float) -> None:
    run, lanes = feed.run, feed.chronicle.lanes
    names = _bounded([lane.capacity.kind for lane in lanes], MOST_KINDS)
    states = Counter(
        (names[lane.capacity.kind], state)
        for lane in lanes
        if (state := lane.state(at)) not in (None, "gone")
    )
    for kind in sorted(set(names.values())):
        for state in get_args(WorkerState):
            if state != "gone":
                families.workers.add_metric([run, kind, state], states[kind, state])
    batches = feed.chronicle.batches(at)
    families.batches.add_metric([run], len(batches.id))
    seconds = batches.stop - batches.start
    done = (batches.end == 1) & np.isfinite(seconds)
    kinds = np.array([names[lane.capacity.kind] for lane in lanes], dtype=object)
    for kind in sorted(set(names.values())):
        of_kind = done & (kinds[batches.lane] == kind)
        _tell_histogram(families.batch_seconds, [run, kind], seconds[of_kind])


def _tell_loads(families: _Families, feed: Feed, at: float) -> None:
    chronicle = feed.chronicle
    loads = chronicle.loads(at)
    called = [chronicle.context_names.get(one) or one[:12] for one in chronicle.contexts]
    names = _bounded(called, MOST_CONTEXTS)
    labels = np.array([names[one] for one in called], dtype=object)[loads.context]
    for name in sorted(set(names.values())):
        of_context = labels == name
        good = int((of_context & (loads.ok == 1)).sum())
        families.loads.add_metric([feed.run, name, "loaded"], good)
        families.loads.add_metric([feed.run, name, "failed"], int(of_context.sum()) - good)
        families.reloads.add_metric([feed.run, name], int((of_context & (loads.again == 1)).sum()))
        places = [place for place, one in enumerate(called) if names[one] == name]
        for source in ("manager", "worker"):
            moved = sum(chronicle.moved_bytes(place, source, at) for place in places)
            families.moved.add_metric([feed.run, name, source], moved)


def _tell_histogram(
    family: HistogramMetricFamily, labels: list[str], seconds: NDArray[np.float64]
) -> None:
    up_to = np.searchsorted(np.sort(seconds), BUCKETS, side="right")
    buckets = [(str(bound), float(count)) for bound, count in zip(BUCKETS, up_to, strict=True)]
    buckets.append(("+Inf", float(len(seconds))))
    family.add_metric(labels, buckets, float(seconds.sum()))


def _bounded(names: list[str], most: int) -> dict[str, str]:
    """What each is called: the commonest by their names, the rest together."""
    common = {name for name, _ in Counter(names).most_common(most)}
    return {name: name if name in common else OTHER for name in names}
