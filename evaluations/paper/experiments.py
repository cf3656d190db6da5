"""The paper's experiments as scenarios, and its own policies."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import numpy as np

from evaluations.paper import gpus, published
from evaluations.paper.calibration import Calibration
from pcm.engines.simulated import Decider, Links, Model, Scenario, Visit, Workload
from pcm.engines.simulated.availability import from_curve
from pcm.engines.simulated.baselines import ColdEveryBatch, FirstComeWarm

BATCH_ITEMS = 100
"""Of the paper's policy where its batch size is not known."""

CALL_SECONDS = 0.001
"""What a warm call costs besides its work: V, of the same system's ancestor."""


def naive(batch_items: int) -> Decider:
    """Without context management: whatever its cold start holds is done for every batch."""
    return ColdEveryBatch(batch_items)


def partial(batch_items: int) -> Decider:
    """Files stay on the worker's disk; the model is loaded for every batch."""
    return ColdEveryBatch(batch_items)


def pervasive(batch_items: int) -> Decider:
    """The model stays loaded; who is warm goes first, and batches have a fixed size."""
    return FirstComeWarm(batch_items)


def everything_each_time(found: Calibration) -> Model:
    """A cold start of which nothing stays, even on disk."""
    return Model(host_seconds=found.cold_seconds)


def from_disk(found: Calibration) -> Model:
    """All files are on the worker's disk already."""
    return Model(host_seconds=found.load_seconds)


def alone(found: Calibration) -> Model:
    """A cold start as if nobody else was fetching: always equally long."""
    return Model(
        environment_seconds=found.fetch_seconds + found.unpack_seconds,
        host_seconds=found.load_seconds,
    )


def contended(found: Calibration) -> Model:
    """Fetching goes through the links."""
    return Model(
        environment_seconds=found.unpack_seconds,
        weights_bytes=published.ENVIRONMENT_PACKED_BYTES + published.WEIGHTS_BYTES,
        host_seconds=found.load_seconds,
    )


def links(found: Calibration, peer_streams: int = published.PEER_STREAMS) -> Links:
    """The origin gives no more than it gave in pv1, and nobody takes more than one did there; a
    worker shares what one can take among those whom it serves."""
    rate = found.bytes_per_second
    return Links(
        origin_bytes_per_second=found.origin_bytes_per_second,
        origin_streams=max(1, round(found.origin_bytes_per_second / rate)),
        peer_bytes_per_second=rate,
        peer_streams=peer_streams,
        stream_bytes_per_second=rate,
    )


def shorter(model: Model, factor: float) -> Model:
    """Every part of the cold start so many times as long."""
    return Model(
        environment_seconds=model.environment_seconds * factor,
        weights_bytes=model.weights_bytes * factor,
        host_seconds=model.host_seconds * factor,
    )


def scenario(
    found: Calibration,
    visits: tuple[Visit, ...],
    model: Model,
    *,
    through: Links | None = None,
    salvages: bool = False,
    inferences: int = published.INFERENCES,
) -> Scenario:
    """All inferences are alike. ``salvages``: what an evicted batch had finished is kept, as pcm
    does; TaskVine has nothing of a call before its end."""
    work = np.full(inferences, found.a10_inference_seconds)
    classes = dict(gpus.CLASSES)
    # The one ratio that is known, whatever comes of the others.
    speed = found.a10_inference_seconds / found.titan_inference_seconds
    classes["titan"] = replace(classes["titan"], speed=speed)
    return Scenario(
        classes=classes,
        visits=visits,
        models={"model": model},
        runs={"run": Workload(costs=work)},
        links=through or Links(),
        batch_seconds=CALL_SECONDS,
        salvage_seconds=0.1 if salvages else inf,
    )


def one_gpu() -> tuple[Visit, ...]:
    return (Visit(kind="a10", start_seconds=0.0),)


def twenty_gpus() -> tuple[Visit, ...]:
    return tuple(Visit(kind=kind, start_seconds=0.0) for kind in published.TWENTY)


def drained() -> tuple[Visit, ...]:
    """The twenty, of which one after the other is taken without notice."""
    begins, gap = published.DRAIN_BEGINS_SECONDS, published.DRAIN_GAP_SECONDS
    return tuple(
        Visit(kind=kind, start_seconds=0.0, end_seconds=begins + gap * (n + 1))
        for n, kind in enumerate(published.TWENTY)
    )


def opportunistic(seed: int) -> tuple[Visit, ...]:
    """GPUs at the times of the paper's run; which is which is drawn."""
    number = max(count for _, count in published.GPUS)
    kinds = gpus.drawn(number, np.random.default_rng(seed))
    return tuple(from_curve(published.GPUS, kinds))


def opportunistic_of_twenty() -> tuple[Visit, ...]:
    """The same, all A10 and TITAN X Pascal by turns."""
    return tuple(from_curve(published.GPUS, published.TWENTY))
