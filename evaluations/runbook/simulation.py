"""A run of a cluster, clean or with one fault, as windows of readings."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.random import Generator

from evaluations.runbook import arrivals, devices, groups, network, ordinary
from evaluations.runbook.cluster import Cluster, Layout, draw
from evaluations.runbook.faults import FAULTS
from evaluations.runbook.faults.base import Fault, Scene
from evaluations.runbook.habits import Habits
from evaluations.runbook.levers import Levers
from evaluations.runbook.recording import START_SECONDS, Recorder
from evaluations.runbook.serving import capacity, serve
from evaluations.runbook.steps import steps
from evaluations.runbook.truth import CONDITIONS, INTENSITIES, Intensity, Truth
from pcm.telemetry.signals import Window

CLEAN_WINDOWS = 600
_MOST_REQUESTS_PER_SECOND = 12.0
_LEAST_REQUESTS_PER_SECOND = 1.0
"""Where the server can do as much: with less, it would be given to others."""
_LENGTHS = {arrivals.CONVERSATION: (1155.0, 211.0), arrivals.CODE: (2048.0, 28.0)}
"""Tokens of prompts and answers, on average."""
_FAMILIES = ("pcie", "host", "egress", "fabric", "gpu", "decode", "collective")
"""Of which a worker may lack the source."""


def clean(seed: int, windows: int = CLEAN_WINDOWS) -> Iterator[Window]:
    """Windows of a second, of all workers in order of time, with nothing wrong."""
    return _simulate(seed, windows, None, "moderate")[0]


def faulty(seed: int, condition: str, intensity: Intensity) -> tuple[Iterator[Window], Truth]:
    """The same cluster with one condition, from 90 to 130 s on, for 60 to 180 s; 30 s more follow.

    KeyError where there is no such condition or intensity.
    """
    fault = FAULTS[condition]
    if intensity not in INTENSITIES:
        raise KeyError(intensity)
    chance = np.random.default_rng([seed, 1, CONDITIONS.index(condition)])
    start = int(chance.integers(90, 131))
    span = slice(start, start + int(chance.integers(60, 181)))
    found, truth = _simulate(seed, span.stop + 30, fault, intensity, span, condition)
    assert truth is not None
    return found, truth


def _simulate(
    seed: int,
    windows: int,
    fault: Fault | None,
    intensity: Intensity,
    span: slice = slice(0, 0),
    condition: str = "",
) -> tuple[Iterator[Window], Truth | None]:
    cluster = draw(np.random.default_rng([seed, 0]))
    layout = Layout(cluster)
    which = CONDITIONS.index(condition) + 1 if condition else 0
    chance = np.random.default_rng([seed, 2, which, INTENSITIES.index(intensity)])
    habits = Habits(layout, np.random.default_rng([seed, 3]))
    levers = Levers(layout, windows, np.random.default_rng([seed, 4]))
    number = _where(cluster, fault, chance) if fault else -1
    streams = [
        _requests(cluster, server, windows, fault if server == number else None, chance)
        for server in range(len(cluster.servers))
    ]
    ordinary.happen(layout, levers, chance, frozenset([number]))
    streams = [
        arrivals.select(stream, levers.serving[stream.at_seconds.astype(int), server] > 0)
        for server, stream in enumerate(streams)
    ]
    truth = None
    if fault:
        scene = Scene(layout, levers, habits, streams, number, intensity, span, chance)
        site = fault.do(scene)
        truth = Truth(
            condition,
            layout.worker_name(site.worker),
            site.place,
            START_SECONDS + span.start,
            START_SECONDS + span.stop,
            frozenset(layout.worker_name(worker) for worker in site.also - {site.worker}),
        )
    spared = frozenset(cluster.servers[number].workers if fault else ())
    return _read(layout, levers, habits, streams, chance, spared), truth


def _where(cluster: Cluster, fault: Fault, chance: Generator) -> int:
    """A server to which it can happen; one that requests can fill, where that matters."""
    able = [n for n, server in enumerate(cluster.servers) if server.form in fault.forms]
    if fault.load:
        able.sort(key=lambda n: capacity(cluster.servers[n], *_LENGTHS[arrivals.CONVERSATION]))
        able = able[: max(1, len(able) // 2)]
    if fault.per_second:
        able.sort(key=lambda n: -_most(cluster, n, arrivals.CODE))
        enough = [n for n in able if _most(cluster, n, arrivals.CODE) > fault.per_second]
        able = enough or able[:1]
    return int(chance.choice(able))


def _requests(
    cluster: Cluster, number: int, windows: int, fault: Fault | None, chance: Generator
) -> arrivals.Requests:
    """Conversations at 30% to 65% of what the server can do, code at 20% to 40%: more would not
    fit its peaks."""
    server = cluster.servers[number]
    talks = chance.random() < 0.6 or (fault is not None and fault.conversation)
    name = arrivals.CONVERSATION if talks else arrivals.CODE
    load = float(chance.uniform(0.3, 0.65) if talks else chance.uniform(0.2, 0.4))
    load = max(load, fault.load if fault else 0.0)
    least = fault.per_second if fault else _LEAST_REQUESTS_PER_SECOND
    rate = max(load * capacity(server, *_LENGTHS[name]), min(least, _most(cluster, number, name)))
    rate = min(rate, _MOST_REQUESTS_PER_SECOND)
    sessions = int(chance.integers(20, 80))
    stream = arrivals.draw(name, rate, windows, sessions, chance)
    return arrivals.diurnal(stream, windows, chance)


def _most(cluster: Cluster, number: int, name: str) -> float:
    """Requests per second that leave some room."""
    return 0.6 * capacity(cluster.servers[number], *_LENGTHS[name])


def _read(
    layout: Layout,
    levers: Levers,
    habits: Habits,
    streams: list[arrivals.Requests],
    chance: Generator,
    spared: frozenset[int],
) -> Iterator[Window]:
    cluster = layout.cluster
    taken = steps(layout, levers, habits)
    served = serve(
        cluster.servers, streams, levers, taken.scale, taken.fixed, taken.handoff_rate, chance
    )
    recorder = Recorder(cluster.workers, len(levers.slots), chance)
    network.requests(recorder, layout, streams, served)
    network.flows(recorder, layout, streams, habits)
    network.line(recorder, layout, levers, habits, taken, streams, served)
    devices.hosts(recorder, levers, taken)
    devices.decoding(recorder, layout, levers, served)
    devices.Accelerators(recorder, layout, levers, habits, taken, served).read()
    groups.ranks(recorder, layout, levers, habits, taken, served, chance)
    groups.fabric(recorder, layout, levers, habits, taken, served)
    lacking = {
        worker: frozenset([str(chance.choice(_FAMILIES))])
        for worker in range(cluster.workers)
        if worker not in spared and chance.random() < 0.1
    }
    names = [layout.worker_name(worker) for worker in range(cluster.workers)]
    kinds = [kind.name for kind in cluster.kinds]
    return recorder.windows(names, kinds, levers.present, levers.observed, lacking)
