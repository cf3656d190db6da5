"""Which samplers there are on this machine, the most telling first."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Callable, Mapping

from workers.telemetry import carrier
from workers.telemetry.background import BackgroundSampler
from workers.telemetry.base import Sampler
from workers.telemetry.host import Host
from workers.telemetry.net import Net
from workers.telemetry.null import Null
from workers.telemetry.pressure import Pressure
from workers.telemetry.replay import Replay

URLS_VARIABLE = "PCM_TELEMETRY_URLS"
"""Exporters to ask, separated by commas."""
REPLAY_VARIABLE = "PCM_TELEMETRY_REPLAY"
"""A file of recorded windows, which are given in place of what would be read here."""


def found(period_seconds: float, environment: Mapping[str, str] = os.environ) -> list[Sampler]:
    """Where two give the same signal of the same place, the first counts: the worker's own
    connections before those of the whole machine, a card's counters before its driver's."""
    replay = environment.get(REPLAY_VARIABLE, "")
    if replay:
        return [_replay(replay)]
    samplers: list[Sampler] = []
    if glob.glob("/dev/nvidia[0-9]*") or os.path.exists("/dev/dxg"):
        samplers.append(_nvml(period_seconds))
    if os.path.exists("/sys/class/infiniband") or os.path.exists("/sys/bus/pci/drivers/mlx5_core"):
        samplers.append(_mlx5(period_seconds))
    for url in filter(None, map(str.strip, environment.get(URLS_VARIABLE, "").split(","))):
        samplers.append(_prometheus(url, period_seconds))
    finders: tuple[Callable[[], Sampler | None], ...] = (
        carrier.find,
        Net.find,
        Pressure.find,
        Host.find,
    )
    for find in finders:
        sampler = find()
        if sampler is not None:
            samplers.append(sampler)
    return samplers


def own_gpus() -> frozenset[int]:
    """Indices of the GPUs that this worker was given, as the driver counts them."""
    from workers import probe

    return frozenset(gpu.index for gpu in probe.gpus())


def _nvml(period_seconds: float) -> Sampler:
    def find() -> Sampler | None:
        from workers.telemetry.nvml import Nvml

        return Nvml.find(sorted(own_gpus()))

    return BackgroundSampler("nvml", find, period_seconds)


def _mlx5(period_seconds: float) -> Sampler:
    def find() -> Sampler | None:
        from workers.telemetry.mlx5 import Mlx5

        return Mlx5.find()

    return BackgroundSampler("mlx5", find, period_seconds)


def _prometheus(url: str, period_seconds: float) -> Sampler:
    def find() -> Sampler | None:
        from workers.telemetry.prometheus import Prometheus

        return Prometheus(url, own_gpus())

    return BackgroundSampler("exporter", find, period_seconds)


def _replay(path: str) -> Sampler:
    try:
        return Replay.of_file(path)
    except (OSError, ValueError) as fault:
        print(f"{REPLAY_VARIABLE}: {fault}", file=sys.stderr)
        return Null()
