"""The GPUs of the paper's cluster, and how fast they are.

Which GPUs its opportunistic run had is not known: they are drawn as the cluster has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import log
from typing import NamedTuple

import numpy as np

from evaluations.paper.published import TITAN_SLOWER
from pcm.engines.simulated import WorkerClass


class Gpu(NamedTuple):
    """``number``: in the cluster (R); ``teraflops``: its peak in FP32, by its vendor."""

    number: int
    teraflops: float


CLUSTER = {
    "rtx6000": Gpu(106, 16.3),
    "a10": Gpu(78, 31.2),
    "titan": Gpu(69, 10.97),
    "1080ti": Gpu(63, 11.34),
    "rtx6000ada": Gpu(36, 91.1),
    "titanx-maxwell": Gpu(34, 6.69),
    "a40": Gpu(29, 37.4),
    "h100": Gpu(15, 51.2),
}
"""A quarter of the cluster is of other kinds, which nobody names."""


def speeds() -> dict[str, float]:
    """Over an A10: a power of the peaks' ratio, such that the one known ratio comes out."""
    a10 = CLUSTER["a10"].teraflops
    power = log(TITAN_SLOWER) / log(a10 / CLUSTER["titan"].teraflops)
    return {kind: (gpu.teraflops / a10) ** power for kind, gpu in CLUSTER.items()}


CLASSES = {kind: WorkerClass(kind=kind, speed=speed) for kind, speed in speeds().items()}


def apportioned(number: int, weights: Mapping[str, int]) -> list[str]:
    """So many, of each kind as near to its share as whole ones can be."""
    total = sum(weights.values())
    quotas = {kind: weight * number / total for kind, weight in weights.items()}
    chosen = {kind: int(quota) for kind, quota in quotas.items()}
    rest = number - sum(chosen.values())
    for kind in sorted(quotas, key=lambda kind: quotas[kind] % 1.0, reverse=True)[:rest]:
        chosen[kind] += 1
    return [kind for kind, count in chosen.items() for _ in range(count)]


def drawn(number: int, rng: np.random.Generator) -> list[str]:
    """The kinds of so many GPUs of the cluster, in the order in which they join: any."""
    kinds = apportioned(number, {kind: gpu.number for kind, gpu in CLUSTER.items()})
    return [kinds[int(n)] for n in rng.permutation(number)]
