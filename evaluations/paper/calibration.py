"""The unknown parameters of the model, from pv0 and pv1 alone.

pv0 gives what an inference takes. pv1 gives what each batch takes besides its work: everything,
from the environment to the loaded model. It does not say how that is divided among the steps of a
cold start; it is divided by the bytes that each step moves, as if all moved equally fast.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from evaluations.paper import published


class Calibration(msgspec.Struct, frozen=True):
    """Seconds on an A10 but for ``titan_inference_seconds``; cold starts take as long on all."""

    a10_inference_seconds: float
    titan_inference_seconds: float
    cold_seconds: float
    """A whole cold start: the following three together."""
    fetch_seconds: float
    """Packed environment and weights, over the network."""
    unpack_seconds: float
    load_seconds: float
    """Weights from disk into the host's memory and from there into the GPU's."""
    bytes_per_second: float
    """At which every step moves its bytes."""
    origin_bytes_per_second: float
    """What all workers of pv1 together fetched per second: the origin gave that at least."""


def calibrate(
    pv0_seconds: float = published.SECONDS["pv0"].value,
    pv1_seconds: float = published.SECONDS["pv1"].value,
    *,
    inferences: int = published.INFERENCES,
    batch_items: int = 100,
    kinds: Sequence[str] = published.TWENTY,
) -> Calibration:
    """From the two makespans. The one load in pv0, a thousandth of it, is neglected, and the tail
    of pv1 too: all of its GPUs work until its end."""
    a10 = pv0_seconds / inferences
    titan = a10 * published.TITAN_SLOWER
    work = [batch_items * (a10 if kind == "a10" else titan) for kind in kinds]
    cold = seconds_besides(work, inferences / batch_items / pv1_seconds)
    fetched = published.ENVIRONMENT_PACKED_BYTES + published.WEIGHTS_BYTES
    unpacked = published.ENVIRONMENT_UNPACKED_BYTES
    loaded = 2 * published.WEIGHTS_BYTES
    rate = (fetched + unpacked + loaded) / cold
    return Calibration(
        a10_inference_seconds=a10,
        titan_inference_seconds=titan,
        cold_seconds=cold,
        fetch_seconds=fetched / rate,
        unpack_seconds=unpacked / rate,
        load_seconds=loaded / rate,
        bytes_per_second=rate,
        origin_bytes_per_second=fetched * inferences / batch_items / pv1_seconds,
    )


def seconds_besides(work: Sequence[float], rate: float) -> float:
    """What each batch takes besides its work, where workers on which a batch's work takes so long
    finish so many batches per second together. Raises ValueError if not even 0 is fast enough."""

    def reached(cold: float) -> float:
        return sum(1.0 / (seconds + cold) for seconds in work)

    if reached(0.0) < rate:
        raise ValueError(f"no cold start is so short: {rate:g} batches per second, work {work}")
    low, high = 0.0, len(work) / rate
    for _ in range(100):
        middle = (low + high) / 2.0
        low, high = (middle, high) if reached(middle) > rate else (low, middle)
    return (low + high) / 2.0
